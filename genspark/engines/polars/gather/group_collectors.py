"""What gathers which statistic group by group: a column at once, however many groups there are."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from genspark.engines.polars.gather import collectors as polars_collectors
from genspark.engines.polars.gather.batch import Batch, Collector, one_zero
from genspark.engines.polars.gather.groups import Block, GroupCollector, Numbers64, Values, grown
from genspark.errors import DataError
from genspark.statistics import Extremes, Frequencies, Moments, Quantiles, State, Statistic
from genspark.statistics.moments import COUNTS, overflows
from genspark.statistics.quantiles import encode, holds_too_many, identity, new_sketch

TALLIED = 400_000
"""Values that a tally holds in all groups together before it lets any go."""


class _OfValues(GroupCollector):
    """Counts the rows of each group, and gathers from their finite values."""

    def __init__(self, statistic: Statistic) -> None:
        self._statistic, self._column = statistic, statistic.column
        self._counts = np.zeros((4, 0), dtype=np.int64)

    def add(self, block: Block) -> None:
        self._counts = grown(self._counts, block.known)
        self._take(block.finite(self._column))
        self._counts[:, block.groups] += block.counts(self._column)

    def parts(self) -> dict[Statistic, list[State]]:
        names, counts = ("count", *COUNTS), self._counts.T.tolist()
        states = (dict(zip(names, of_group, strict=True)) for of_group in counts)
        return {self._statistic: [{**state, **rest} for state, rest in zip(states, self._found(), strict=True)]}

    @abstractmethod
    def _take(self, some: Values) -> None:
        """Take values in. `_counts` has room for their groups, and does not count them yet."""

    @abstractmethod
    def _found(self) -> Iterable[State]:
        """What states have beside the counts."""


class GroupMoments(_OfValues):
    """Source of the merge: T. Chan, G. Golub, R. LeVeque, 1979, as in `Moments`, for a vector of groups."""

    def __init__(self, statistic: Moments) -> None:
        super().__init__(statistic)
        # Means are kept as distances from a group's first value: far out, a mean has too few digits.
        self._pivot = self._mean = self._m2 = np.zeros(0)

    def _take(self, some: Values) -> None:
        known = self._counts.shape[-1]
        self._pivot, self._mean, self._m2 = (grown(array, known) for array in (self._pivot, self._mean, self._m2))
        at, n, before = some.groups, some.sizes, self._counts[0, some.groups]
        is_new = before == 0
        self._pivot[at[is_new]] = some.values[some.starts[is_new]]
        with np.errstate(all="ignore"):
            near = some.values - some.repeated(self._pivot[at])
            mean = np.add.reduceat(near, some.starts) / n
            deviations = near - some.repeated(mean)
            delta, share = mean - self._mean[at], n / (before + n)
            self._mean[at] += delta * share
            self._m2[at] += np.add.reduceat(deviations * deviations, some.starts) + delta * delta * before * share

    def _found(self) -> Iterable[State]:
        with np.errstate(all="ignore"):
            means = self._pivot + self._mean
        if not (np.isfinite(means).all() and np.isfinite(self._m2).all()):
            raise DataError(overflows(self._column))
        return ({"mean": mean, "m2": m2} for mean, m2 in zip(means.tolist(), self._m2.tolist(), strict=True))


class GroupExtremes(_OfValues):
    """The smallest and the largest value of each group."""

    def __init__(self, statistic: Extremes) -> None:
        super().__init__(statistic)
        self._low = self._high = np.zeros(0)

    def _take(self, some: Values) -> None:
        known, at = self._counts.shape[-1], some.groups
        self._low, self._high = grown(self._low, known, np.inf), grown(self._high, known, -np.inf)
        self._low[at] = np.minimum(self._low[at], np.minimum.reduceat(some.values, some.starts))
        self._high[at] = np.maximum(self._high[at], np.maximum.reduceat(some.values, some.starts))

    def _found(self) -> Iterable[State]:
        for low, high in zip(self._low.tolist(), self._high.tolist(), strict=True):
            yield {"min": low, "max": high} if low <= high else {"min": None, "max": None}


class GroupSketches(_OfValues):
    """A KLL sketch for each group; that of a small group holds its values."""

    def __init__(self, statistic: Quantiles) -> None:
        super().__init__(statistic)
        self._k = statistic.k
        self._sketches: dict[int, Any] = {}

    def _take(self, some: Values) -> None:
        for group, values in some.slices:
            if group not in self._sketches:
                self._sketches[group] = new_sketch(self._k)
            self._sketches[group].update(values)

    def _found(self) -> Iterable[State]:
        for group in range(self._counts.shape[-1]):
            sketch = self._sketches.get(group)
            yield {"sketch": encode(sketch) if sketch else None, **identity()}


class GroupExact(_OfValues):
    """Every value, for exact quantiles. The limit is for all groups together."""

    def __init__(self, statistic: Quantiles) -> None:
        super().__init__(statistic)
        self._values: list[Numbers64] = []
        self._groups: list[Numbers64] = []
        self._held = 0

    def _take(self, some: Values) -> None:
        self._held += len(some.values)
        if self._held > polars_collectors.EXACT_LIMIT:
            raise DataError(holds_too_many(self._column, polars_collectors.EXACT_LIMIT))
        self._values.append(some.values)
        self._groups.append(some.repeated(some.groups.astype(np.int32)))

    def _found(self) -> Iterable[State]:
        groups = np.concatenate([np.zeros(0, np.int32), *self._groups])
        values = np.concatenate([np.zeros(0), *self._values])[np.argsort(groups, kind="stable")]
        return ({"data": values[start:end]} for start, end in _slices(self._counts[0]))


class GroupTallies(GroupCollector):
    """How often each value occurs in each group; of a group with too many the rare ones are let go."""

    def __init__(self, statistic: Frequencies) -> None:
        self._statistic = statistic
        # Of each group: rows, rows that are not missing, and by how much a count may be off.
        self._totals = np.zeros((3, 0), dtype=np.int64)
        self._frames: list[pl.DataFrame] = []
        self._held, self._bound = 0, TALLIED

    def add(self, block: Block) -> None:
        self._totals = grown(self._totals, block.known)
        some = pl.DataFrame({"group": block.numbers, "value": block.rows[self._statistic.column]})
        is_float = some.schema["value"].is_float()
        if is_float:
            value = pl.col("value").fill_nan(None)
            some = some.with_columns(one_zero(value, some.schema["value"]).alias("value"))
        some = some.with_columns(pl.col("group").cast(pl.Int32)).drop_nulls("value")
        self._totals[0, block.groups] += block.sizes
        self._totals[1] += np.bincount(some["group"].to_numpy(), minlength=block.known)
        # Infinities are present, and are no JSON: they are not counted one by one.
        some = some.filter(pl.col("value").is_finite()) if is_float else some
        self._frames.append(some.group_by("group", "value").agg(pl.len().cast(pl.Int64).alias("n")))
        self._held += self._frames[-1].height
        if self._held > self._bound:
            self._compact()

    def _compact(self) -> None:
        merged = pl.concat(self._frames).group_by("group", "value").agg(pl.col("n").sum())
        most = max(2 * self._statistic.capacity, TALLIED // self._totals.shape[-1])
        if merged.height > most:
            merged = merged.sort("group", "n", "value", descending=[False, True, False])
            merged = merged.with_columns(rank=pl.int_range(pl.len()).over("group"))
            cut = merged.filter(pl.col("rank") == most)
            self._totals[2, cut["group"].to_numpy()] += cut["n"].to_numpy()
            merged = merged.filter(pl.col("rank") < most).drop("rank")
        self._frames, self._held = [merged], merged.height
        self._bound = max(TALLIED, 2 * merged.height)

    def parts(self) -> dict[Statistic, list[State]]:
        if not self._frames:
            return {self._statistic: []}
        self._compact()
        (pairs,) = self._frames
        pairs = pairs.sort("group")
        sizes = np.bincount(pairs["group"].to_numpy(), minlength=self._totals.shape[-1])
        values, counts = pairs["value"].to_list(), pairs["n"].to_list()
        states = []
        for (rows, present, error), (start, end) in zip(self._totals.T.tolist(), _slices(sizes), strict=True):
            found = dict(zip(values[start:end], counts[start:end], strict=True))
            states.append(self._statistic.state(found, rows - present, present, error))
        return {self._statistic: states}


def _slices(sizes: Numbers64) -> Iterable[tuple[int, int]]:
    """Where each of some parts that lie side by side begins and ends."""
    return itertools.pairwise([0, *np.cumsum(sizes).tolist()])


class EachGroup(GroupCollector):
    """Collectors of their own for each group: for statistics that are gathered no other way."""

    def __init__(self, statistics: Sequence[Statistic]) -> None:
        self._statistics = statistics
        self._groups: list[list[Collector]] = []

    def add(self, block: Block) -> None:
        self._groups += [polars_collectors.collectors(self._statistics) for _ in range(block.known - len(self._groups))]
        for group, rows in block.slices():
            batch = Batch(rows)
            for collector in self._groups[group]:
                collector.add(batch)

    def parts(self) -> dict[Statistic, list[State]]:
        found: dict[Statistic, list[State]] = {statistic: [] for statistic in self._statistics}
        for group in self._groups:
            for collector in group:
                for statistic, part in collector.parts().items():
                    found[statistic].append(part)
        return found


_EACH: dict[type[Statistic], Callable[[Any], GroupCollector]] = {
    Moments: GroupMoments,
    Extremes: GroupExtremes,
    Quantiles: lambda statistic: GroupSketches(statistic) if statistic.rank_error else GroupExact(statistic),
    Frequencies: GroupTallies,
}


def group_collectors(statistics: Sequence[Statistic]) -> list[GroupCollector]:
    """What gathers these statistics, which share `by`."""
    found = [_EACH[type(statistic)](statistic) for statistic in statistics if type(statistic) in _EACH]
    others = [statistic for statistic in statistics if type(statistic) not in _EACH]
    return [*found, EachGroup(others)] if others else found
