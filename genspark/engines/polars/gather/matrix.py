"""Statistics of several columns at once on Polars: each batch is a matrix, and BLAS does the sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.statistics import Covariance, Expectation, Sample, State, Statistic
from genspark.statistics.covariance import Matrix, Pairs, drawn_places
from genspark.statistics.expectation import Completed, Normal


class CoMoments(Collector):
    """Means and co-moments of columns two by two."""

    def __init__(self, statistic: Covariance) -> None:
        self._statistic = statistic
        self._d = len(statistic.values)
        # Means are kept as distances from each column's first value: far out, a mean has too few digits.
        self._pivot = np.full(self._d, np.nan)
        self._pairs = Pairs.empty(self._d)

    def add(self, batch: Batch) -> None:
        values = finite_matrix(batch, self._statistic.values)
        if self._statistic.holdout:
            values[drawn_places(_draws(batch, self._statistic), self._statistic.holdout, self._d)] = np.nan
        self._pivot = first_values(self._pivot, values)
        with np.errstate(all="ignore"):
            self._pairs = self._pairs.merged(Pairs.of_values(values - self._pivot))

    def parts(self) -> dict[Statistic, State]:
        pairs = self._pairs
        with np.errstate(all="ignore"):
            mean = np.where(pairs.count > 0, pairs.mean + np.nan_to_num(self._pivot)[:, None], 0.0)
        found = Pairs(pairs.rows, pairs.count, mean, pairs.comoment)
        return {self._statistic: found.state(self._statistic.values)}


class Completions(Collector):
    """Moments of rows that a normal model completes."""

    def __init__(self, statistic: Expectation) -> None:
        self._statistic = statistic
        self._normal = Normal.of(statistic.model)
        self._completed = Completed.empty(len(statistic.values))

    def add(self, batch: Batch) -> None:
        statistic = self._statistic
        values = finite_matrix(batch, statistic.values)
        draws = _draws(batch, statistic) if statistic.holdout else None
        found = Completed.of_values(values, self._normal, draws, statistic.holdout)
        self._completed = self._completed.merged(found)

    def parts(self) -> dict[Statistic, State]:
        return {self._statistic: self._completed.state(self._statistic.values)}


class Smallest(Collector):
    """The rows with the smallest draws."""

    def __init__(self, statistic: Sample) -> None:
        self._statistic = statistic
        self._frames: list[pl.DataFrame] = []
        self._seen = self._held = 0
        self._largest = np.inf

    def add(self, batch: Batch) -> None:
        self._seen += batch.rows.height
        *values, draw = self._statistic.columns
        some = batch.rows.filter(pl.col(draw) <= self._bound(_draws(batch, self._statistic)))
        if not some.height:
            return
        numbers = [pl.col(name).cast(pl.Float64) for name in values]
        # JSON has no infinities; and -0.0 is 0.0, or the order of the two would be anyone's.
        kept = [pl.when(x == 0).then(0.0).when(x.is_finite()).then(x).alias(f"value{i}") for i, x in enumerate(numbers)]
        self._frames.append(some.select(pl.col(draw).alias("draw"), *kept))
        self._held += some.height
        if self._held > 4 * self._statistic.size:
            self._compact()

    def _bound(self, draws: Matrix) -> float:
        """What no row of the sample can exceed, as far as it is known."""
        size = self._statistic.size
        if len(draws) <= size:
            return self._largest
        return min(self._largest, float(np.partition(draws, size - 1)[size - 1]))

    def _compact(self) -> None:
        merged = pl.concat(self._frames)
        merged = merged.sort(merged.columns, nulls_last=False).head(self._statistic.size)
        if merged.height == self._statistic.size:
            self._largest = merged["draw"][-1]
        self._frames, self._held = [merged], merged.height

    def parts(self) -> dict[Statistic, State]:
        if not self._frames:
            return {self._statistic: {**self._statistic.empty(), "seen": self._seen}}
        self._compact()
        draws, *values = self._frames[0].get_columns()
        rows = [list(row) for row in zip(*(column.to_list() for column in values), strict=True)]
        return {self._statistic: {"seen": self._seen, "draws": draws.to_list(), "rows": rows}}


def finite_matrix(batch: Batch, columns: Sequence[str]) -> Matrix:
    """The columns side by side as rows x columns, NaN where a value is null, NaN or infinite. Writable."""
    values = _columns(batch, columns)
    values[np.isinf(values)] = np.nan
    return values


def first_values(known: Matrix, values: Matrix) -> Matrix:
    """`known`, its NaN replaced by the first value of the column that is not NaN, where there is one."""
    unknown = np.isnan(known)
    if not unknown.any() or not len(values):
        return known
    first = values[np.argmax(~np.isnan(values), axis=0), np.arange(values.shape[1])]
    return np.where(unknown, first, known)


def _draws(batch: Batch, statistic: Statistic) -> Matrix:
    return batch.rows[statistic.columns[-1]].to_numpy()


def _columns(batch: Batch, columns: Sequence[str]) -> Matrix:
    floats = batch.rows.select(pl.col(name).cast(pl.Float64) for name in columns)
    return floats.to_numpy(writable=True)
