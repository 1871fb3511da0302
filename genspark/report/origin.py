"""Where a table comes from: its last run, what each column is made from, and what was rejected on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from genspark.errors import GensparkError
from genspark.job.recorded import REPLAY
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.personal import unsampled
from genspark.storage.files import storage_path
from genspark.tables.hiding import hidden_by
from genspark.tables.quarantine import summary_of
from genspark.tables.runs import Runs, runs_of
from genspark.tables.snapshot import is_table
from genspark.tables.trace import histories_of


def known_runs(path: str) -> Runs | None:
    """The runs of a table; None where they cannot be read."""
    with contextlib.suppress(GensparkError):
        return runs_of(path)
    return None


def lineage(runs: Runs | None) -> dict[str, Any]:
    """The last run of a table as plain values: `run`, and of each `columns` what it is made from and its changes."""
    with contextlib.suppress(GensparkError):
        if runs and (newest := newest_run(runs)) is not None:
            run = runs.told(newest)
            return {"run": {name: value for name, value in run.items() if value and name != "config"}, **_made(run)}
    return {"run": {}, "columns": [], "splits": []}


def unsampled_of(runs: Runs | None, columns: Sequence[str]) -> frozenset[str]:
    """The columns of which no sample is shown, by the model of the newest run; without it by the configurations."""
    newest = newest_run(runs) if runs else None
    if runs is None or newest is None:
        return frozenset()
    try:
        return unsampled(PipelineModel.load(storage_path(str(runs.told(newest)["model"]))).steps)
    except GensparkError:
        hidden = hidden_by(runs.configs)
        return frozenset(name for name in columns if hidden.hides(name, is_text=True))


def quarantined(runs: Runs | None) -> dict[str, Any] | None:
    """The quarantine in summary; None where there is none."""
    with contextlib.suppress(GensparkError):
        if runs and is_table(runs.quarantine):
            return summary_of(runs, most=1)
    return None


def newest_run(runs: Runs) -> str | None:
    """The run that wrote a table last, replays left out; None where none is known.

    The ledger tells where the table's log does not: of a folder of Parquet files, or once old commits are gone.
    """
    versions = [(entry.version, run) for run, entry in runs.entries.items() if "replay" not in entry.run]
    wrote = [run for run, row in runs.ledger.items() if runs.is_finished(run) and REPLAY not in row["job"]]
    return max(versions)[1] if versions else wrote[-1] if wrote else None


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
