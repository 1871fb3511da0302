"""Where a table comes from: its last run, what each column is made from, and what was rejected on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from genspark.errors import GensparkError
from genspark.pipeline.history import histories
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.personal import unsampled
from genspark.storage.files import storage_path
from genspark.tables.hiding import hidden_by
from genspark.tables.quarantine import summary_of
from genspark.tables.runs import Runs, runs_of
from genspark.tables.snapshot import is_table


@dataclass(frozen=True)
class Origin:
    """The run that wrote a table last, as commit and ledger tell it, and its model; None of what is not known."""

    runs: Runs | None = None
    run: Mapping[str, Any] | None = None
    model: PipelineModel | None = None

    @classmethod
    def of(cls, path: str) -> Self:
        """The origin of the table at a path."""
        try:
            runs = runs_of(path)
        except GensparkError:
            return cls()
        newest, model = runs.newest, None
        run = None if newest is None else runs.told(newest)
        if run and run["model"]:
            with contextlib.suppress(GensparkError):
                model = PipelineModel.load(storage_path(run["model"]))
        return cls(runs, run, model)


def lineage(origin: Origin) -> dict[str, Any]:
    """The last run of a table as plain values: `run`, and of each `columns` what it is made from and its changes."""
    run = {name: value for name, value in (origin.run or {}).items() if value and name != "config"}
    return {"run": run, **_made(origin.model)}


def unsampled_of(origin: Origin, columns: Sequence[str]) -> frozenset[str]:
    """The columns of which no sample is shown, by the model of the newest run; without it by the configurations."""
    if origin.runs is None or origin.run is None:
        return frozenset()
    if origin.model is not None:
        return unsampled(origin.model.steps)
    hidden = hidden_by(origin.runs.configs)
    return frozenset(name for name in columns if hidden.hides(name, is_text=True))


def quarantined(runs: Runs | None) -> dict[str, Any] | None:
    """The quarantine in summary; None where there is none."""
    with contextlib.suppress(GensparkError):
        if runs and is_table(runs.quarantine):
            return summary_of(runs, most=1)
    return None


def _made(model: PipelineModel | None) -> dict[str, Any]:
    if model is None:
        return {"columns": [], "splits": []}
    try:
        found = histories(model, model.schema)
    except (GensparkError, KeyError, TypeError):
        return {"columns": [], "splits": []}
    columns = [
        {"column": name, "made_from": ", ".join(one.made_from), "changes": list(one.changes)}
        for name, one in found.items()
    ]
    splits = sorted({name for step in model.steps if "split" in step.to_json() for name in step.writes()})
    return {"columns": columns, "splits": splits}
