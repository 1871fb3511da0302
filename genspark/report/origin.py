"""Where a table comes from: its last run, what each column is made from, and what was rejected on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from genspark.errors import GensparkError
from genspark.pipeline.model import PipelineModel
from genspark.storage.files import storage_path
from genspark.tables.quarantine import summary
from genspark.tables.runs import Runs, runs_of
from genspark.tables.snapshot import is_table
from genspark.tables.trace import histories_of


def lineage(path: str) -> dict[str, Any]:
    """The last run of a table as plain values: `run`, and of each `columns` what it is made from and its changes."""
    with contextlib.suppress(GensparkError):
        runs = runs_of(path)
        newest = newest_run(runs)
        if newest is not None:
            run = runs.told(newest)
            return {"run": {name: value for name, value in run.items() if value and name != "config"}, **_made(run)}
    return {"run": {}, "columns": [], "splits": []}


def quarantined(path: str) -> dict[str, Any] | None:
    """The quarantine in summary; None where there is none."""
    with contextlib.suppress(GensparkError):
        if is_table(runs_of(path).quarantine):
            return summary(path, most=1)
    return None


def newest_run(runs: Runs) -> str | None:
    """The run that wrote a table last, replays left out; None where none is known."""
    versions = [(entry.version, run) for run, entry in runs.entries.items() if "replay" not in entry.run]
    return max(versions)[1] if versions else next(iter(runs.ledger), None)


def _made(run: Mapping[str, Any]) -> dict[str, Any]:
    try:
        model = PipelineModel.load(storage_path(run["model"]))
        found = dict(histories_of(model))
    except (GensparkError, KeyError, TypeError):
        return {"columns": [], "splits": []}
    columns = [
        {"column": name, "made_from": ", ".join(one.made_from), "changes": list(one.changes)}
        for name, one in found.items()
    ]
    splits = sorted({name for step in model.steps if "split" in step.to_json() for name in step.writes()})
    return {"columns": columns, "splits": splits}
