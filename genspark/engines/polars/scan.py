"""The statistics of a Polars frame: one streaming pass, batch by batch, merged in the order of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

from genspark.engines.polars.gather.batch import Batch
from genspark.engines.polars.gather.collectors import collectors
from genspark.engines.polars.gather.group_collectors import group_collectors
from genspark.engines.polars.gather.groups import Groups
from genspark.engines.polars.stream import remembered
from genspark.errors import PlanError
from genspark.statistics import Quantiles, State, Statistic
from genspark.statistics.base import check_groups, grouped, in_order

BLOCK_ROWS, BLOCK_BYTES = 500_000, 256 << 20
"""Rows that are held before they are sorted by group: what a group costs, it costs in each block."""


def scan(frame: pl.LazyFrame, statistics: Sequence[Statistic]) -> dict[Statistic, State]:
    """The states of statistics that share `by`, in one pass."""
    return {statistic: finished(statistic, part) for statistic, part in gathered(frame, statistics).parts.items()}


@dataclass(frozen=True)
class Gathered:
    """What one pass saw: parts, and the columns of it in which no value is NaN.

    Parts are what `merged` and then `finished` make states of: states already, but for exact quantiles.
    """

    parts: dict[Statistic, State]
    nan_free: frozenset[str]


def gathered(frame: pl.LazyFrame, statistics: Sequence[Statistic]) -> Gathered:
    """The parts of statistics that share `by`, in one pass."""
    gathering = gatherer(statistics)
    columns = dict.fromkeys(column for s in statistics for column in (*s.columns, *s.by))
    frame.select(list(columns)).sink_batches(remembered(gathering.see), maintain_order=True, engine="streaming")
    return Gathered(gathering.parts(), frozenset(columns) - gathering.nan)


class Gatherer(Protocol):
    """Sees the rows in order, batch by batch, and gives the parts in the end.

    `nan` are the columns of what it saw that may hold NaN.
    """

    nan: set[str]

    def see(self, rows: pl.DataFrame) -> None:
        """Take rows in."""

    def parts(self) -> dict[Statistic, State]:
        """What `merged` and then `finished` make states of."""


def gatherer(statistics: Sequence[Statistic]) -> Gatherer:
    """What gathers statistics that share `by`. Raises PlanError for one that this engine does not know."""
    for statistic in statistics:
        if not collectors([statistic]):
            raise PlanError(f"the polars engine has no way to compute {statistic.kind}")
    by = statistics[0].by
    return _Grouped(statistics, by) if by else _Whole(statistics)


def merged(statistic: Statistic, a: State, b: State) -> State:
    """The part of two disjoint sets of rows, those of `a` first."""
    if not _is_exact(statistic):
        return statistic.merge(a, b)
    if statistic.by:
        groups = {tuple(group["by"]): group["state"] for group in a["groups"]}
        for group in b["groups"]:
            key = tuple(group["by"])
            groups[key] = _joined(groups[key], group["state"]) if key in groups else group["state"]
        check_groups(statistic.by, len(groups))
        return grouped(groups)
    return _joined(a, b)


def finished(statistic: Statistic, part: State) -> State:
    """The state that a part stands for."""
    if not isinstance(statistic, Quantiles) or statistic.rank_error:
        return part
    if statistic.by:
        return {"groups": [{**group, "state": _exactly(statistic, group["state"])} for group in part["groups"]]}
    return _exactly(statistic, part)


class _Whole:
    """Gathers over all rows."""

    def __init__(self, statistics: Sequence[Statistic]) -> None:
        self._statistics, self._collectors = statistics, collectors(statistics)
        self.nan: set[str] = set()

    def see(self, rows: pl.DataFrame) -> None:
        batch = Batch(rows)
        self.nan |= batch.nan
        for collector in self._collectors:
            collector.add(batch)

    def parts(self) -> dict[Statistic, State]:
        found = {s: part for collector in self._collectors for s, part in collector.parts().items()}
        return {statistic: found[statistic] for statistic in self._statistics}


class _Grouped:
    """Gathers group by group."""

    def __init__(self, statistics: Sequence[Statistic], by: Sequence[str]) -> None:
        self._statistics = statistics
        self._groups, self._collectors = Groups(by), group_collectors(statistics)
        self._held: list[pl.DataFrame] = []
        self._rows = self._bytes = 0
        self.nan: set[str] = set()

    def see(self, rows: pl.DataFrame) -> None:
        self.nan |= Batch(rows).nan
        self._held.append(rows)
        self._rows, self._bytes = self._rows + rows.height, self._bytes + int(rows.estimated_size())
        if self._rows >= BLOCK_ROWS or self._bytes >= BLOCK_BYTES:
            self._take()

    def _take(self) -> None:
        rows = pl.concat(self._held)
        self._held, self._rows, self._bytes = [], 0, 0
        block = self._groups.block(rows)
        for collector in self._collectors:
            collector.add(block)

    def parts(self) -> dict[Statistic, State]:
        if self._rows:
            self._take()
        # Sorted once, for all of them.
        order = in_order(self._groups.keys)
        found = {s: parts for collector in self._collectors for s, parts in collector.parts().items()}
        return {
            statistic: {"groups": [{"by": list(key), "state": found[statistic][at]} for at, key in order]}
            for statistic in self._statistics
        }


def _is_exact(statistic: Statistic) -> bool:
    return isinstance(statistic, Quantiles) and not statistic.rank_error


def _joined(a: State, b: State) -> State:
    added = {name: a[name] + b[name] for name in a if name != "data"}
    return {**added, "data": np.concatenate([a["data"], b["data"]])}


def _exactly(statistic: Quantiles, part: Mapping[str, Any]) -> State:
    counts = {name: count for name, count in part.items() if name != "data"}
    values = np.quantile(part["data"], statistic.probabilities).tolist() if counts["count"] else None
    return {**counts, "values": values}
