"""The rows of each group that a table's quarantine has, where these groups can be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from genspark.engines.fate import CORRUPT_RECORD, CORRUPT_SHARD
from genspark.errors import GensparkError, SourceError
from genspark.pipeline.model import PipelineModel
from genspark.sinks.names import REASON_LIST, RUN
from genspark.steps.base import Step
from genspark.steps.rename import Rename
from genspark.storage.files import storage_path
from genspark.tables.grouping import MOST_GROUPS
from genspark.tables.rows import frames
from genspark.tables.runs import Runs
from genspark.tables.snapshot import is_table, read_snapshot

_UNREADABLE = {CORRUPT_RECORD, CORRUPT_SHARD}

Key = tuple[str | None, ...]
"""The values of a group's columns, as text."""


@dataclass
class Rejected:
    """The rows of a group that are in the quarantine, and how many of them each rule rejected."""

    rows: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)

    def add(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        """Count a row."""
        self.rows += 1
        rules = (" ".join(filter(None, (one["step"], one["column"], one["rule"]))) for one in reasons)
        self.by_rule.update(set(rules))


@dataclass
class Aside:
    """The quarantined rows of the runs whose rows a table has.

    `groups` is None where nothing tells of which groups they are; `notes` say why, and what else is of no group.
    """

    groups: dict[Key, Rejected] | None
    notes: list[str] = field(default_factory=list)


def rejected_by_group(runs: Runs, groups: Sequence[str]) -> Aside:
    """The quarantined rows by the values of a table's columns, which have their own names as they were read."""
    if not is_table(runs.quarantine):
        return Aside({})
    snapshot = read_snapshot(runs.quarantine)
    columns = _as_read(runs, groups, snapshot.columns)
    names = () if isinstance(columns, str) else columns
    is_there = _there(runs)
    found: dict[Key, Rejected] = {}
    unreadable = 0
    for frame in frames(snapshot, (*names, REASON_LIST, RUN)):
        done = [run for run in frame[RUN].unique() if is_there(run)]
        texts = [pl.col(name).cast(pl.String) for name in names]
        for *key, reasons in frame.filter(pl.col(RUN).is_in(done)).select(*texts, REASON_LIST).iter_rows():
            if any((one["step"], one["column"], one["rule"]) in _UNREADABLE for one in reasons or []):
                unreadable += 1
            else:
                found.setdefault(tuple(key), Rejected()).add(reasons or [])
        if len(found) > MOST_GROUPS:
            raise SourceError(f"{', '.join(groups)} make more than {MOST_GROUPS:,} groups in {runs.quarantine}")
    notes = (
        [f"quarantined rows or files that could not be read, and are of no group: {unreadable:,}"] if unreadable else []
    )
    if isinstance(columns, str) and found:
        return Aside(None, [f"of which groups the quarantined rows are cannot be told: {columns}", *notes])
    return Aside(found, notes)


def _as_read(runs: Runs, groups: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...] | str:
    """The columns of the quarantine that have the groups' values, or why there are none."""
    steps = _steps(runs)
    if steps is None:
        return "the model that made the table, and tells whether it changed them, is not to be had"
    columns = []
    for group in groups:
        column = group
        for step in reversed(steps):
            if isinstance(step, Rename):
                column = {new: old for old, new in step.columns.items()}.get(column, column)
            elif column in step.writes():
                return f"the step {step.told_as} makes {column!r}, and the quarantine has rows as they were read"
        if column not in known:
            return f"the quarantine has no column {column!r}"
        columns.append(column)
    return tuple(columns)


def _steps(runs: Runs) -> Sequence[Step] | None:
    """The steps of the model that wrote the table last; None where it cannot be read."""
    newest = sorted(runs.entries.values(), key=lambda entry: -entry.version)
    told = [runs.told(entry.run["run_id"])["model"] for entry in newest]
    told += [row.get("model") for run, row in [*runs.ledger.items()][::-1] if runs.is_finished(run)]
    path = next((one for one in told if one), None)
    try:
        return None if path is None else PipelineModel.load(storage_path(path)).steps
    except GensparkError:
        return None


def _there(runs: Runs) -> Callable[[str], bool]:
    """What tells whether the rows of a run are in the table, and no later run took their place."""
    wrote = {one: (entry.version, entry.run.get("mode")) for one, entry in runs.entries.items()}
    # A ledger outlives the table whose log tells better, and tells of tables that have no log.
    wrote = wrote or {
        one: (row["target_version"], row["mode"])
        for one, row in runs.ledger.items()
        if runs.is_finished(one) and row["target_version"] is not None
    }
    last = max((version for version, mode in wrote.values() if mode == "overwrite"), default=None)
    if last is None:
        return lambda run: runs.is_finished(run) is not False
    there = {run for run, (version, _) in wrote.items() if version >= last}
    return there.__contains__
