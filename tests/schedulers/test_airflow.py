"""Airflow runs a night for real, on SQLite: what its tasks leave, its Asset's events, and what OpenLineage is told."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from airflow_database import asked, reports_of, versions
from scheduling import done, variables

from genspark.errors import ConfigError
from genspark.job import RunReport


@pytest.mark.slow
@pytest.mark.exhaustive
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


@pytest.mark.parametrize("scheduler", ["airflow", "luigi"])
def test_what_is_not_installed_is_named(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (scheduler, f"{scheduler}.sdk"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=rf"pip install 'genspark\[{scheduler}\]'"):
        importlib.import_module(f"genspark.{scheduler}")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_only_what_may_pass_is_tried_again(schedulers: Path, tmp_path: Path) -> None:
    """AirflowFailException is the one after which Airflow tries no more."""
    (tmp_path / "mistaken.yaml").write_text("name: mistaken\n")
    job = "name: late\nsource: {path: 'none.csv', format: csv}\nsteps: [{drop: {columns: a}}]\nsink: {path: 'table'}\n"
    (tmp_path / "late.yaml").write_text(job)
    code = (
        "import sys\nfrom genspark.airflow import GensparkRunOperator\nfor at, path in enumerate(sys.argv[1:]):\n"
        "    try:\n        GensparkRunOperator(task_id=f'run{at}', config=path).execute({})\n"
        "    except Exception as error:\n        print('RAISED', type(error).__name__, error)\n"
    )
    paths = [str(tmp_path / name) for name in ("mistaken.yaml", "late.yaml", "absent.yaml")]
    said = done([str(schedulers / "bin" / "python"), "-c", code, *paths], variables(tmp_path))
    raised = [line.split()[1] for line in said.splitlines() if line.startswith("RAISED")]
    assert raised == ["AirflowFailException", "AirflowException", "AirflowFailException"]
    assert "none.csv" in said
