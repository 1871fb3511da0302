"""DAGs of a single job, for tests: in the worker's process, and by a command that COMMAND holds, deferred."""

from __future__ import annotations

import json
import os

import pendulum
from airflow.sdk import DAG

from genspark.airflow import GensparkRunOperator, table_asset

OUT = os.environ["NIGHTLY"]
ONE = {"config": f"{OUT}/job.yaml", "task_id": "run", "outlets": [table_asset(f"{OUT}/plain")]}
START = pendulum.datetime(2026, 1, 1, tz="UTC")

with DAG("plain", schedule=None, start_date=START):
    GensparkRunOperator(**ONE)

with DAG("deferred", schedule=None, start_date=START):
    command = json.loads(os.environ.get("COMMAND", '["none"]'))
    GensparkRunOperator(**ONE, submit=command, deferrable=True, poll_every=0.5)
