"""The rows that runs set aside, by step, column and rule, with some of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from genspark.config import Source
from genspark.errors import SourceError
from genspark.sources import find_dataset, scan
from genspark.storage.files import storage_path
from genspark.tables.snapshot import open_delta

REASONS, RUN = "_reasons", "_run_id"


@dataclass(frozen=True)
class Rule:
    """A rule of a step that rows broke, how many, and some of them as they were read."""

    step: str
    column: str | None
    rule: str
    rows: int
    samples: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Rejected:
    """What is in a quarantine. `runs` are the rows of each run; `unfinished` are runs that the table does not have."""

    path: str
    rows: int
    runs: Mapping[str, int]
    unfinished: tuple[str, ...]
    rules: tuple[Rule, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as `genspark quarantine --json` prints it."""
        rules = [{**vars(rule), "samples": [_plain(row) for row in rule.samples]} for rule in self.rules]
        return {**vars(self), "runs": dict(self.runs), "unfinished": list(self.unfinished), "rules": rules}


def rejected(quarantine: str, target: str | None = None, run: str | None = None, samples: int = 3) -> Rejected:
    """Look at a quarantine, or at the rows of one run in it.

    With the `target` that its runs wrote, runs that are not in the target's log are told apart. Raises SourceError
    where there is no quarantine.
    """
    table = open_delta(storage_path(quarantine))
    if table is None:
        raise SourceError(f"{quarantine}: there is no quarantine; no row was set aside, or the path is another")
    rows = rows_of(quarantine)
    if run is not None:
        rows = rows.filter(pl.col(RUN) == run)
    counts = rows.group_by(RUN).len().collect(engine="streaming")
    runs = dict(sorted(counts.rows()))
    each = rows.explode(REASONS).unnest(REASONS)
    names = [name for name in rows.collect_schema().names() if name not in (REASONS, RUN)]
    # The reason's own column of that name would hide the row's.
    clash = {"step", "column", "rule", "value", "threshold"} & set(names)
    row = pl.struct([pl.col(name) for name in names if name not in clash] + ["value", "threshold"])
    by_rule = (
        each.group_by("step", "column", "rule")
        .agg(pl.len().alias("rows"), row.head(samples).alias("samples"))
        .sort("rows", "step", "column", descending=[True, False, False])
        .collect()
    )
    rules = tuple(Rule(**{**found, "samples": tuple(found["samples"])}) for found in by_rule.rows(named=True))
    return Rejected(quarantine, sum(runs.values()), runs, _unfinished(runs, target), rules)


def rows_of(path: str) -> pl.LazyFrame:
    """The rows of the Delta table at a path. Raises SourceError."""
    return scan(find_dataset(Source(path=path, format="delta")))


def _unfinished(runs: Mapping[str, int], target: str | None) -> tuple[str, ...]:
    table = open_delta(storage_path(target)) if target else None
    if table is None:
        return ()
    history = table.history()
    if not history or min(commit["version"] for commit in history) > 0:
        # Of what the log has forgotten nothing can be told.
        return ()
    told = {str(json.loads(commit.get("userMetadata") or "{}").get("run_id")) for commit in history}
    return tuple(sorted(set(runs) - told))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str | int | float | None) else str(value) for name, value in row.items()}
