"""The collector of each statistic, over all rows and group by group. A new statistic is registered here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.engines.polars.gather.block import Block, GroupCollector
from genspark.engines.polars.gather.combinations import Counts
from genspark.engines.polars.gather.covariance import CoMoments
from genspark.engines.polars.gather.elements import OfElements
from genspark.engines.polars.gather.expectation import Completions
from genspark.engines.polars.gather.extremes import GroupExtremes
from genspark.engines.polars.gather.frequencies import GroupTallies, Tally
from genspark.engines.polars.gather.moments import GroupMoments, MomentsAndExtremes
from genspark.engines.polars.gather.powers import PowerSums
from genspark.engines.polars.gather.quantiles import Exact, GroupExact, GroupSketches, Sketch
from genspark.engines.polars.gather.rows import DistinctHashes, Places
from genspark.engines.polars.gather.sample import Smallest
from genspark.engines.polars.gather.signatures import Hashed
from genspark.errors import PlanError
from genspark.statistics import (
    Combinations,
    Covariance,
    Elements,
    Expectation,
    Extremes,
    Frequencies,
    Moments,
    Ordered,
    Powers,
    Quantiles,
    Repeats,
    Sample,
    Signatures,
    State,
    Statistic,
)

TOGETHER: tuple[type[Statistic], ...] = (Moments, Extremes)
"""Statistics of which one `MomentsAndExtremes` gathers all."""

OVER_ALL_ROWS: dict[type[Statistic], Callable[[Any], Collector]] = {
    Quantiles: lambda statistic: Sketch(statistic) if statistic.rank_error else Exact(statistic),
    Frequencies: Tally,
    Combinations: Counts,
    Covariance: CoMoments,
    Expectation: Completions,
    Powers: PowerSums,
    Sample: Smallest,
    Signatures: Hashed,
    Elements: OfElements,
    Repeats: DistinctHashes,
    Ordered: Places,
}

BY_GROUP: dict[type[Statistic], Callable[[Any], GroupCollector]] = {
    Moments: GroupMoments,
    Extremes: GroupExtremes,
    Quantiles: lambda statistic: GroupSketches(statistic) if statistic.rank_error else GroupExact(statistic),
    Frequencies: GroupTallies,
}
"""Collectors of all groups at once. What has none is gathered by one collector a group: see `EachGroup`."""


def collectors(statistics: Sequence[Statistic]) -> list[Collector]:
    """New collectors of these statistics over all rows; `by` is ignored.

    Raises PlanError for a statistic that has none.
    """
    unknown = [s for s in statistics if type(s) not in TOGETHER and type(s) not in OVER_ALL_ROWS]
    if unknown:
        raise PlanError(f"the polars engine has no way to compute {unknown[0].kind}")
    together = [statistic for statistic in statistics if type(statistic) in TOGETHER]
    first: list[Collector] = [MomentsAndExtremes(together)] if together else []
    return first + [OVER_ALL_ROWS[type(s)](s) for s in statistics if type(s) not in TOGETHER]


def group_collectors(statistics: Sequence[Statistic]) -> list[GroupCollector]:
    """New collectors of these statistics, which share `by`. Raises PlanError as `collectors` does."""
    others = [statistic for statistic in statistics if type(statistic) not in BY_GROUP]
    at_once = [BY_GROUP[type(statistic)](statistic) for statistic in statistics if type(statistic) in BY_GROUP]
    return [*at_once, EachGroup(others)] if others else at_once


class EachGroup(GroupCollector):
    """Keeps one collector for each group: for statistics without a collector of all groups at once."""

    def __init__(self, statistics: Sequence[Statistic]) -> None:
        collectors(statistics)  # a statistic that has none is refused before any row is read
        self._statistics = statistics
        self._groups: list[list[Collector]] = []

    def add(self, block: Block) -> None:
        self._groups += [collectors(self._statistics) for _ in range(block.known - len(self._groups))]
        for group, rows in block.slices():
            batch = Batch(rows)
            for collector in self._groups[group]:
                collector.add(batch)

    def parts(self) -> dict[Statistic, list[State]]:
        parts: dict[Statistic, list[State]] = {statistic: [] for statistic in self._statistics}
        for group in self._groups:
            for collector in group:
                for statistic, part in collector.parts().items():
                    parts[statistic].append(part)
        return parts
