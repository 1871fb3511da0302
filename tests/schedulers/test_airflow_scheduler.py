"""Airflow's scheduler, workers and triggerer: a task killed and tried again, a DAG twice at once, a deferred run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from airflow_database import asked, reports_of, versions
from scheduling import COMMAND, done, job, variables, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
SERVICES = {
    "api": ("api-server", "--host", "127.0.0.1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "parser": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}


@pytest.fixture
def scheduler(schedulers: Path, home: Path, tmp_path: Path) -> Iterator[None]:
    """Airflow as it runs in earnest, on loopback: each service in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = variables(
        home,
        NIGHTLY=str(tmp_path / "night"),
        NIGHTLY_DELAY="1",
        COMMAND=json.dumps(COMMAND),
        AIRFLOW__API__PORT=str(port),
        AIRFLOW__API__WORKERS="1",
        AIRFLOW__API_AUTH__JWT_SECRET="of these tests, and nobody's beside them",
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://127.0.0.1:{port}/execution/",
        AIRFLOW__CORE__EXECUTOR="LocalExecutor",
        AIRFLOW__CORE__PARALLELISM="2",
    )
    with contextlib.ExitStack() as stack:
        for name, arguments in SERVICES.items():
            log = stack.enter_context((tmp_path / f"{name}.log").open("w"))
            command = [str(schedulers / "bin" / "airflow"), *arguments]
            service = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
            stack.callback(service.wait)
            stack.callback(os.killpg, service.pid, signal.SIGKILL)
        wait_until(lambda: len(asked(home, "select 1 from dag")) == 4)
        yield


def unpause(home: Path, *dags: str) -> None:
    for dag in dags:
        asked(home, f"update dag set is_paused = 0 where dag_id = '{dag}'")


def state(home: Path, dag: str) -> list[str]:
    return [state for (state,) in asked(home, f"select state from dag_run where dag_id = '{dag}'")]


def test_a_task_that_is_killed_is_tried_again(scheduler: None, home: Path, tmp_path: Path) -> None:
    table = tmp_path / "night/table"
    # The night that was last is begun at once.
    unpause(home, "nightly_table_is_new", "nightly")
    wait_until(lambda: list(table.glob("_genspark/runs/*.json")), look=0.0005)
    (mark,) = table.glob("_genspark/runs/*.json")
    with contextlib.suppress(ValueError):
        os.kill(json.loads(mark.read_text())["pid"], signal.SIGKILL)
    wait_until(lambda: "success" in state(home, "nightly") or "failed" in state(home, "nightly"))
    tries = dict(
        asked(home, "select task_id, try_number from task_instance where dag_id = 'nightly' and state = 'success'")
    )
    assert tries == {"ingest": 1, "validate": 1, "run": 2, "train": 1, "evaluate": 1, "gate": 1}
    kept = pl.read_delta(str(table))["id"]
    (report,) = reports_of(home, "nightly")
    assert kept.len() == kept.n_unique() == report["rows_written"]
    assert report["table_version"] == 0
    # The table's second DAG has started once, and knows the version.
    wait_until(lambda: state(home, "nightly_table_is_new") == ["success"])
    assert versions(home, table) == [(0, report["run_id"])]
    ((told,),) = asked(home, "select value from xcom where dag_id = 'nightly_table_is_new'")
    assert json.loads(told) == [0]


def test_a_dag_twice_at_once_and_a_deferred_run(
    scheduler: None, airflow: Callable[..., str], home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "night"
    job(folder)
    unpause(home, "plain", "deferred")
    for run in ("one", "two"):
        airflow("dags", "trigger", "plain", "--run-id", run, AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG="16")
    wait_until(lambda: state(home, "plain") == ["success", "success"])
    first, second = reports_of(home, "plain")
    assert sorted([first["already_done"], second["already_done"]]) == [False, True]
    assert first["run_id"] == second["run_id"]
    assert versions(home, folder / "plain") == [(0, first["run_id"])]
    # A version that nobody has told of, as where a task is killed after its commit: the try that finds it tells.
    pl.DataFrame({"k": range(50, 60), "v": [1.0] * 10}).write_parquet(folder / "in/b.parquet")
    by_hand = json.loads(done([*COMMAND, str(folder / "job.yaml"), "--json", "-q"], os.environ).splitlines()[-1])
    airflow("dags", "trigger", "plain", "--run-id", "three")
    wait_until(lambda: state(home, "plain") == ["success"] * 3)
    found = reports_of(home, "plain")[-1]
    assert (found["already_done"], found["table_version"], found["run_id"]) == (True, 1, by_hand["run_id"])
    pl.DataFrame({"k": range(60, 70), "v": [1.0] * 10}).write_parquet(folder / "in/c.parquet")
    airflow("dags", "trigger", "deferred")
    wait_until(lambda: "success" in state(home, "deferred") or "failed" in state(home, "deferred"))
    (report,) = reports_of(home, "deferred")
    assert (report["rows_written"], report["table_version"]) == (10, 2)
    assert sorted(pl.read_delta(str(folder / "plain"))["k"]) == list(range(70))
    told = [(at, one["run_id"]) for at, one in enumerate((first, by_hand, report))]
    assert versions(home, folder / "plain") == told
