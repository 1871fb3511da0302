"""genspark's job as training tables are made: rows with a key, an id and their file, in order; ledger and card beside.

A peer is named by its engine and by the way of the job, such as `polars.global`:

- everything: the whole job. global: with `sink.shuffle: global`.
- grown: a table that grew by a run for each shard but the new one; `polars` alone, and nobody takes its time.
- added: the run that adds the new shard to that table. alone: a job of the new shard, into no table.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peers.genspark import job_of, run_on
from peers.task import Outcome, Task

ENGINES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "polars": ("polars", {}),
    "spark-polars": ("spark-polars", {}),
    "spark": ("spark", {"writer": "arrow"}),
    "spark-delta": ("spark", {"writer": "delta"}),
}
"""What each engine, and each writer of `spark`, is called in the YAML."""
WAYS: Mapping[str, Mapping[str, Any]] = {
    "everything": {},
    "global": {"shuffle": "global"},
    "grown": {"mode": "append"},
    "added": {"mode": "append"},
    "alone": {"mode": "append"},
}
"""The section `sink` of each way."""
NEW = "new.parquet"
"""The shard that comes when the others are in the table."""


def run(task: Task, outcome: Outcome) -> None:
    """The job in the way that the peer's name tells."""
    name, _, way = task.peer.partition(".")
    engine, writer = ENGINES[name]
    changes: dict[str, Any] = {"sink": {**writer, **WAYS[way]}}
    if way == "grown":
        _grow(task, outcome, changes)
        return
    if way == "added":
        copy_table(grown_table(Path(task.shards)), Path(task.table))
    if way == "alone":
        changes["source"] = {"path": f"{task.shards}/{NEW}"}
    run_on(engine, changes, task, outcome)


def grown_table(shards: Path) -> Path:
    """Where the table that grew lies: beside its shards."""
    return shards.with_name(f"{shards.name}-table")


def copy_table(table: Path, to: Path) -> None:
    """Copy a table and what lies beside it, such as its ledger. Files of rows, which nobody changes, are linked."""

    def copy(source: str, target: str) -> None:
        is_rows = source.endswith(".parquet") and "_delta_log" not in source
        (os.link if is_rows else shutil.copy2)(source, target)

    for folder in table.parent.glob(f"{table.name}*"):
        shutil.copytree(folder, to.with_name(folder.name.replace(table.name, to.name, 1)), copy_function=copy)


def _grow(task: Task, outcome: Outcome, changes: Mapping[str, Any]) -> None:
    with outcome.timed("session"):
        import genspark
    old = sorted(str(shard) for shard in Path(task.shards).iterdir() if shard.name != NEW)
    with outcome.timed("total"):
        for number in range(1, len(old) + 1):
            source = {"source": {"path": old[:number]}}
            genspark.run(genspark.JobConfig.model_validate(job_of(task, "polars", {**changes, **source})))
