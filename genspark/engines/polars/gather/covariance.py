"""Covariance on Polars: each batch is a matrix, and BLAS does the sums."""

from __future__ import annotations

import numpy as np

from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.statistics import Covariance, State, Statistic
from genspark.statistics.covariance import Matrix, Pairs, drawn_places


class CoMoments(Collector):
    """Means and co-moments of columns two by two."""

    def __init__(self, statistic: Covariance) -> None:
        self._statistic = statistic
        self._d = len(statistic.values)
        # Means are kept as distances from each column's first value: far out, a mean has too few digits.
        self._pivot = np.full(self._d, np.nan)
        self._pairs = Pairs.empty(self._d)

    def add(self, batch: Batch) -> None:
        values = batch.finite_matrix(self._statistic.values)
        if self._statistic.holdout:
            values[drawn_places(batch.draws(self._statistic), self._statistic.holdout, self._d)] = np.nan
        self._pivot = first_values(self._pivot, values)
        with np.errstate(all="ignore"):
            self._pairs = self._pairs.merged(Pairs.of_values(values - self._pivot))

    def parts(self) -> dict[Statistic, State]:
        pairs = self._pairs
        with np.errstate(all="ignore"):
            mean = np.where(pairs.count > 0, pairs.mean + np.nan_to_num(self._pivot)[:, None], 0.0)
        moved = Pairs(pairs.rows, pairs.count, mean, pairs.comoment)
        return {self._statistic: moved.state(self._statistic.values)}


def first_values(known: Matrix, values: Matrix) -> Matrix:
    """Replace each NaN of `known` by the first value of its column that is not NaN, where there is one."""
    unknown = np.isnan(known)
    if not unknown.any() or not len(values):
        return known
    first = values[np.argmax(~np.isnan(values), axis=0), np.arange(values.shape[1])]
    return np.where(unknown, first, known)
