"""A night as a DAG of Airflow: ingest -> validate -> run -> train -> evaluate -> gate on the score.

    airflow dags test nightly

Its folder belongs among Airflow's DAGs. NIGHTLY names the folder of shards and tables, from the root, and DISTANCE the
Kernel distance above which a model is not let through. A second DAG starts with each new version of the table. Tasks
import the libraries of the work themselves, so that Airflow reads this file fast. Needs genspark[airflow] and
genspark[models].
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import dag, get_current_context, task

from genspark.airflow import GensparkRunOperator, table_asset

HERE = Path(__file__).resolve().parent
OUT = os.environ.get("NIGHTLY", str(Path.home() / "nightly"))
TABLE = table_asset(f"{OUT}/table")
RETRIED = {"retries": 2, "retry_delay": dt.timedelta(seconds=int(os.environ.get("NIGHTLY_DELAY", "300")))}


@dag(
    schedule="0 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIED,
)
def nightly() -> None:
    """Every night at three."""

    @task
    def ingest() -> str:
        import nightly_work

        return nightly_work.ingest(OUT, str(get_current_context()["dag_run"].run_after.date()))

    @task
    def validate(shard: str) -> str:
        import nightly_work

        return nightly_work.validate(shard)

    @task
    def train(report: dict[str, Any]) -> int:
        import nightly_work

        print(f"version {report['table_version']}, by run {report['run_id']}")
        return nightly_work.train(OUT)

    @task
    def evaluate() -> dict[str, Any]:
        import nightly_work

        return nightly_work.evaluate(OUT)

    @task(retries=0)
    def gate(scores: dict[str, Any]) -> float:
        import nightly_work

        return nightly_work.gate(scores, float(os.environ.get("DISTANCE", nightly_work.MOST)))

    run = GensparkRunOperator(task_id="run", config=str(HERE / "job.yaml"), variables={"NIGHTLY": OUT}, outlets=[TABLE])
    scores = evaluate()
    validate(ingest()) >> run
    train(run.output) >> scores
    gate(scores)


@dag(schedule=[TABLE], start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def nightly_table_is_new() -> None:
    """Starts with each new version of the table, and knows which."""

    @task
    def tell() -> list[int]:
        events = get_current_context()["triggering_asset_events"][TABLE]
        # One that somebody sent by hand, in Airflow's pages, tells of no version.
        return [event.extra["version"] for event in events if "version" in event.extra]

    tell()


nightly()
nightly_table_is_new()
