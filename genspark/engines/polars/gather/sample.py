"""A sample on Polars: the rows of each batch that may be among those with the smallest draws."""

from __future__ import annotations

import numpy as np
import polars as pl

from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.statistics import Sample, State, Statistic
from genspark.statistics.covariance import Matrix


class Smallest(Collector):
    """Keeps the rows with the smallest draws."""

    def __init__(self, statistic: Sample) -> None:
        self._statistic = statistic
        self._frames: list[pl.DataFrame] = []
        self._seen = self._held = 0
        self._largest = np.inf

    def add(self, batch: Batch) -> None:
        self._seen += batch.rows.height
        *values, draw = self._statistic.columns
        some = batch.rows.filter(pl.col(draw) <= self._bound(batch.draws(self._statistic)))
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
        """The upper bound of the sample's draws, as far as it is known."""
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
