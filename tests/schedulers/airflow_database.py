"""What Airflow's database tells of tasks: their states, what they left, and the events of Assets."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any


def asked(home: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with sqlite3.connect(home / "airflow.db", timeout=30) as database:
        return database.execute(query).fetchall()


def reports_of(home: Path, dag: str, task: str = "run") -> list[dict[str, Any]]:
    """The reports that a task left, oldest first."""
    of_task = f"dag_id = '{dag}' and task_id = '{task}' and key = 'return_value'"
    return [json.loads(value) for (value,) in asked(home, f"select value from xcom where {of_task} order by timestamp")]


def versions(home: Path, table: Path) -> list[tuple[int, str]]:
    """The versions of a table, each with its run, that the events of its Asset tell of, oldest first."""
    events = [json.loads(extra) for (extra,) in asked(home, "select extra from asset_event order by timestamp")]
    return [(event["version"], event["run_id"]) for event in events if event["table"] == str(table)]
