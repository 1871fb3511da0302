"""What Airflow's operator learns of a job that a process of its own runs, and of one that was only handed over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from airflow_database import asked, reports_of
from scheduling import COMMAND, REPOSITORY, done, job, variables

from genspark.session import driver

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
HANDED_OVER = ["sh", "-c", '"$@" > /dev/null 2>&1 &', "sh", *COMMAND]
"""Ends at once and well, as spark-submit does that only hands a driver to a cluster."""
STRICT = "validate: {rules: [{columns: v, between: [0, 1], level: error}]}"


def test_what_becomes_of_a_process_and_of_a_job(schedulers: Path, tmp_path: Path) -> None:
    waited, handed, broken = (job(tmp_path / name) for name in ("waited", "handed", "broken"))
    strict, strict_handed = job(tmp_path / "strict", STRICT), job(tmp_path / "strict_handed", STRICT)
    given: list[dict[str, Any]] = [
        {"config": waited, "submit": COMMAND},
        {"config": waited, "submit": ["no-such-program"]},
        {"config": handed, "submit": HANDED_OVER},
        {"config": broken, "submit": ["no-such-program"]},
        {"config": strict, "submit": COMMAND},
        {"config": strict_handed, "submit": HANDED_OVER},
        {"config": broken, "submit": COMMAND, "sets": [f"source.path={tmp_path}/nowhere"]},
    ]
    asking = json.dumps([{**one, "poll_every": 0.1} for one in given])
    program = [str(schedulers / "bin" / "python"), str(Path(__file__).with_name("outcomes.py")), asking]
    told = [json.loads(line) for line in done(program, variables(tmp_path)).splitlines() if line.startswith("{")]
    first, again, polled, absent, failed, failed_there, mistaken = told
    assert (first["report"]["rows_written"], first["report"]["already_done"]) == (50, False)
    # What is done already starts no process.
    assert (again["report"]["run_id"], again["report"]["already_done"]) == (first["report"]["run_id"], True)
    assert polled["report"]["table_version"] == 0
    assert absent == {"error": "no-such-program cannot be started (No such file or directory)", "exit_code": 127}
    assert failed["exit_code"] == 1
    assert failed_there["exit_code"] is None
    assert "between" in failed["error"]
    assert "between" in failed_there["error"]
    assert mistaken["exit_code"] == 2
    assert "nowhere" in mistaken["error"]


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a Connect server in a process of its own."""
    program = (
        "from genspark.session import get_spark; spark = get_spark('server', remote='local[1]', quick=True); "
        "url = spark.client._builder.url; print(f'sc://{url.netloc}/;{url.params}', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        # It ends with its standard input.
        process.communicate(timeout=60)


def test_a_connect_server_runs_it(schedulers: Path, server: str, tmp_path: Path) -> None:
    """The client has neither Java nor any other part of Spark."""
    asking = json.dumps([{"config": job(tmp_path, engine="spark"), "remote": server}])
    program = [str(schedulers / "bin" / "python"), str(Path(__file__).with_name("outcomes.py")), asking]
    (told,) = [json.loads(line) for line in done(program, variables(tmp_path)).splitlines() if line.startswith("{")]
    report = told.get("report", told)
    assert (report["engine"], report["rows_written"]) == ("spark", 50)
    assert sorted(pl.read_delta(str(tmp_path / "plain"))["k"]) == list(range(50))


def test_a_deferred_spark_submit_writes_the_table(airflow: Callable[..., str], home: Path, tmp_path: Path) -> None:
    job(tmp_path / "night", engine="spark")
    submit = str(driver.spark_home() / "bin" / "spark-submit")
    command = [submit, "--master", "local[1]", "--conf", "spark.ui.enabled=false", f"{REPOSITORY}/jobs/preprocess.py"]
    airflow("dags", "test", "deferred", COMMAND=json.dumps(command), PYSPARK_PYTHON=sys.executable)
    assert asked(home, "select state from dag_run where dag_id = 'deferred'") == [("success",)]
    (report,) = reports_of(home, "deferred")
    assert (report["engine"], report["rows_written"], report["already_done"]) == ("spark", 50, False)
    assert sorted(pl.read_delta(str(tmp_path / "night/plain"))["k"]) == list(range(50))
