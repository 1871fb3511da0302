"""Airflow runs a night for real, on SQLite: what its tasks leave, its Asset's events, and what OpenLineage is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from airflow_database import asked, reports_of, versions

from genspark.job import RunReport


@pytest.mark.slow
def test_a_night_is_run(airflow: Callable[..., str], home: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(events), "append": True}
    airflow("dags", "test", "nightly", AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps(transport))
    states = dict(asked(home, "select task_id, state from task_instance where dag_id = 'nightly'"))
    assert states == dict.fromkeys(("ingest", "validate", "run", "train", "evaluate", "gate"), "success")
    (report,) = reports_of(home, "nightly")
    assert RunReport.from_json(report).rows_read == report["rows_written"] + report["rows_quarantined"] > 0
    assert len(json.dumps(report)) < 2000
    table = pl.read_delta(str(tmp_path / "night/table"))
    assert table.height == table["id"].n_unique() == report["rows_written"]
    assert versions(home, tmp_path / "night/table") == [(0, report["run_id"])]
    lineage = [json.loads(line) for line in events.read_text().splitlines()]
    (event,) = [e for e in lineage if e["eventType"] == "COMPLETE" and e["job"]["name"] == "nightly.run"]
    (read,), (written,) = event["inputs"], event["outputs"]
    assert read["name"] == str(tmp_path / "night/landing")
    assert written["name"] == str(tmp_path / "night/table")
    assert written["facets"]["version"]["datasetVersion"] == "0"
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == report["rows_written"]
    made_of = written["facets"]["columnLineage"]["fields"]["pixel_20"]["inputFields"]
    assert {field["field"] for field in made_of} == {"pixel_20"}
