"""Airflow runs a night for real, on SQLite: what its tasks leave, its Asset's events, and what OpenLineage is told."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from airflow_database import asked, reports_of, versions
from scheduling import COMMAND, done, job, variables

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


RAISED = """
import json, sys
from genspark.airflow import GensparkRunOperator, table_asset
for at, given in enumerate(json.loads(sys.argv[1])):
    try:
        GensparkRunOperator(task_id=f"run{at}", **given).execute({})
    except Exception as error:
        print("RAISED", type(error).__name__, error)
for path in json.loads(sys.argv[2]):
    try:
        print("ASSET", table_asset(path).uri)
    except Exception as error:
        print("REFUSED", error)
"""


def raised(schedulers: Path, home: Path, jobs: list[dict[str, Any]], assets: list[str]) -> list[str]:
    """What tasks raise, and what table_asset makes of paths."""
    program = [str(schedulers / "bin" / "python"), "-c", RAISED, json.dumps(jobs), json.dumps(assets)]
    lines = done(program, variables(home)).splitlines()
    return [line for line in lines if line.startswith(("RAISED", "ASSET", "REFUSED"))]


@pytest.mark.slow
@pytest.mark.exhaustive
def test_only_what_may_pass_is_tried_again(schedulers: Path, tmp_path: Path) -> None:
    """AirflowFailException is the one after which Airflow tries no more."""
    (tmp_path / "mistaken.yaml").write_text("name: mistaken\n")
    good = job(tmp_path / "good")
    absent, unplanned = [f"source.path={tmp_path}/none"], ["steps[0].scale.columns=w"]
    told = raised(
        schedulers,
        tmp_path,
        [
            {"config": str(tmp_path / "mistaken.yaml")},
            {"config": good, "sets": absent},
            {"config": str(tmp_path / "absent.yaml")},
            {"config": good, "sets": unplanned},
            # In a process of its own each mistake is what it is in the worker's.
            {"config": good, "sets": absent, "submit": COMMAND},
            {"config": good, "sets": unplanned, "submit": COMMAND},
            {"config": good, "submit": ["sh", "-c", "exit 2"]},
        ],
        [],
    )
    fails, passes = "AirflowFailException", "AirflowException"
    assert [line.split()[1] for line in told] == [fails, passes, fails, fails, passes, fails, fails]
    assert f"{tmp_path}/none" in told[1]
    assert "'w' is not a column" in told[3]
    assert "'w' is not a column" in told[5]
    assert told[5].endswith("(exit code 2)")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_asset_is_the_same_wherever_its_dag_is_read(schedulers: Path, tmp_path: Path) -> None:
    told = raised(schedulers, tmp_path, [], ["/data/taxis", "s3://bucket/taxis", "out/taxis", "main.sales.taxis"])
    assert told[:2] == ["ASSET file:///data/taxis", "ASSET s3://bucket/taxis"]
    assert told[2].startswith("REFUSED table_asset: 'out/taxis' is no path from the root")
    assert told[3].startswith("REFUSED")
