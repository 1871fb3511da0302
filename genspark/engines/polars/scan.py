"""The statistics of a Polars frame: one streaming pass, batch by batch, merged in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import polars as pl
import polars.selectors as cs

from genspark.engines.gathered import Gathered
from genspark.engines.polars.gather.batch import Batch
from genspark.engines.polars.gather.collectors import collectors, group_collectors
from genspark.engines.polars.gather.groups import Groups
from genspark.engines.polars.meter import METER, NUMBER
from genspark.engines.polars.stream import keeping_errors
from genspark.statistics import State, Statistic
from genspark.statistics.base import in_order

BLOCK_ROWS, BLOCK_BYTES = 500_000, 256 << 20
"""The most rows and bytes held before they are sorted by group; each block costs time for each of its groups."""


def gather(frame: pl.LazyFrame, statistics: Sequence[Statistic]) -> Gathered:
    """The parts of statistics that share `by`, in one pass."""
    gathering = gatherer(statistics)
    columns = dict.fromkeys(column for s in statistics for column in (*s.columns, *s.by))
    before = METER.rows

    def see(batch: pl.DataFrame) -> None:
        if NUMBER not in batch.columns:
            METER.add(batch.height)
        elif len(numbers := batch.drop_in_place(NUMBER)):
            METER.reach(before + int(numbers[-1]) + 1)
        gathering.see(batch)

    # By a selector: to ask for the schema would resolve the whole plan once more.
    wanted = frame.select([*columns, cs.by_name(NUMBER, require_all=False)])
    wanted.sink_batches(keeping_errors(see), maintain_order=True, engine="streaming")
    return Gathered(gathering.parts(), frozenset(columns) - gathering.nan)


class Gatherer(Protocol):
    """Takes the rows in order, batch by batch, and gives the parts at the end.

    `nan` are the columns of what it saw that may hold NaN.
    """

    nan: set[str]

    def see(self, rows: pl.DataFrame) -> None:
        """Take in rows."""

    def parts(self) -> dict[Statistic, State]:
        """The part of each statistic, as in `Gathered`."""


def gatherer(statistics: Sequence[Statistic]) -> Gatherer:
    """A gatherer of statistics that share `by`. Raises PlanError for one that this engine does not know."""
    by = statistics[0].by
    return _Grouped(statistics, by) if by else _Whole(statistics)


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
        parts = {s: part for collector in self._collectors for s, part in collector.parts().items()}
        return {statistic: parts[statistic] for statistic in self._statistics}


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
        states = {s: parts for collector in self._collectors for s, parts in collector.parts().items()}
        return {
            statistic: {"groups": [{"by": list(key), "state": states[statistic][at]} for at, key in order]}
            for statistic in self._statistics
        }
