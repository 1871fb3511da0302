"""Moments on Polars: with the extremes for all columns at once, and for all groups at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from genspark.engines.polars.gather.batch import Batch, Collector, Numbers64, counted
from genspark.engines.polars.gather.block import OfValues, Values, grown
from genspark.errors import DataError
from genspark.statistics import Extremes, Moments, State, Statistic
from genspark.statistics.moments import overflows

_FAR_OUT = 1e-6
"""Variance over squared mean below which a batch is measured from a pivot."""


class MomentsAndExtremes(Collector):
    """Moments and extremes of all their columns at once.

    Source of the merge: T. Chan, G. Golub, R. LeVeque, 1979, as in `Moments`, for a vector of columns.
    """

    def __init__(self, statistics: Sequence[Statistic]) -> None:
        self._statistics = statistics
        self._columns = list(dict.fromkeys(s.column for s in statistics))
        self._deviating = {s.column for s in statistics if isinstance(s, Moments)}
        self._bounded = {s.column for s in statistics if isinstance(s, Extremes)}
        empty = np.zeros(len(self._columns))
        self._counts = np.zeros((len(self._columns), 4), dtype=np.int64)
        # Means are kept as distances from a column's pivot, which is 0 unless its values lie far out.
        self._pivot, self._mean, self._m2 = empty.copy(), empty, empty
        self._low, self._high = empty + np.inf, empty - np.inf

    def add(self, batch: Batch) -> None:
        counts = np.array([batch.counts(column) for column in self._columns])
        mean, m2, low, high = self._measured(batch, counts[:, 0])
        before, n = self._counts[:, 0], counts[:, 0]
        with np.errstate(all="ignore"):
            share = np.where(n > 0, n / np.maximum(before + n, 1), 0.0)
            delta = np.where((n > 0) & (before > 0), mean - self._mean, 0.0)
            self._mean = np.where(before > 0, self._mean + delta * share, mean)
            self._m2 = self._m2 + m2 + delta * delta * before * share
        self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)
        self._counts += counts

    def _measured(self, batch: Batch, n: Numbers64) -> tuple[Numbers64, Numbers64, Numbers64, Numbers64]:
        """Mean, M2, smallest and largest of each column's finite values; 0 and infinities where there is none."""
        values = [self._values(batch, column) for column in self._columns]
        wanted = [
            expression.alias(f"{what}{i}")
            for i, column in enumerate(self._columns)
            for what, expression in self._expressions(values[i], column).items()
        ]
        row = batch.rows.select(wanted).row(0, named=True)
        means, m2s, lows, highs = (np.full(len(n), fill) for fill in (0.0, 0.0, np.inf, -np.inf))
        for i in np.flatnonzero(n).tolist():
            if f"low{i}" in row:
                lows[i], highs[i] = row[f"low{i}"], row[f"high{i}"]
            if f"var{i}" in row:
                total = row.get(f"sum{i}", batch.sums[self._columns[i]])
                means[i], m2s[i] = self._moments(batch, i, int(n[i]), float(total / n[i]), row[f"var{i}"])
        return means, m2s, lows, highs

    def _moments(self, batch: Batch, i: int, n: int, mean: float, variance: float) -> tuple[float, float]:
        """The mean less the column's pivot, and M2, from the mean and variance of n values."""
        pivot = 0.0
        if math.isfinite(mean) and variance <= abs(mean) * abs(mean) * _FAR_OUT:
            # Far from zero digits are lost: 3000 times 1e8 + 0.1 has a mean 3e-6 beside it.
            held = batch.finite(self._columns[i])
            pivot = float(held[0])
            near = held - pivot
            mean, variance = near.mean() or 0.0, near.var(ddof=0) or 0.0  # type: ignore[assignment]
        if not self._counts[i, 0]:
            self._pivot[i] = pivot
        return (pivot - self._pivot[i]) + mean, variance * n

    def _values(self, batch: Batch, column: str) -> pl.Expr:
        return pl.col(column).cast(pl.Float64) if batch.is_clean(column) else pl.lit(batch.finite(column))

    def _expressions(self, values: pl.Expr, column: str) -> dict[str, pl.Expr]:
        expressions: dict[str, pl.Expr] = {}
        if column in self._deviating:
            expressions["var"] = values.var(ddof=0)
            if not values.meta.root_names():
                expressions["sum"] = values.sum()
        if column in self._bounded:
            expressions |= {"low": values.min(), "high": values.max()}
        return expressions

    def parts(self) -> dict[Statistic, State]:
        return {statistic: self._state(statistic) for statistic in self._statistics}

    def _state(self, statistic: Statistic) -> State:
        i = self._columns.index(statistic.column)
        counts = counted(self._counts[i])
        if isinstance(statistic, Extremes):
            ends = {"min": float(self._low[i]), "max": float(self._high[i])}
            return {**counts, **(ends if counts["count"] else dict.fromkeys(ends))}
        mean, m2 = float(self._pivot[i] + self._mean[i]), float(self._m2[i])
        if not (np.isfinite(mean) and np.isfinite(m2)):
            raise DataError(overflows(statistic.column))
        return {**counts, "mean": mean, "m2": m2}


class GroupMoments(OfValues):
    """Moments of each group, merged by the rule of `Moments` for all groups at once."""

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

    def _fields(self) -> Iterable[State]:
        with np.errstate(all="ignore"):
            means = self._pivot + self._mean
        if not (np.isfinite(means).all() and np.isfinite(self._m2).all()):
            raise DataError(overflows(self._column))
        return ({"mean": mean, "m2": m2} for mean, m2 in zip(means.tolist(), self._m2.tolist(), strict=True))
