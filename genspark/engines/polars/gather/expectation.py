"""Expectation on Polars: the rows of each batch, completed by a normal model."""

from __future__ import annotations

from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.statistics import Expectation, State, Statistic
from genspark.statistics.expectation import Completed, Normal


class Completions(Collector):
    """Moments of rows that a normal model completes."""

    def __init__(self, statistic: Expectation) -> None:
        self._statistic = statistic
        self._normal = Normal.of(statistic.model)
        self._completed = Completed.empty(len(statistic.values))

    def add(self, batch: Batch) -> None:
        statistic = self._statistic
        values = batch.finite_matrix(statistic.values)
        draws = batch.draws(statistic) if statistic.holdout else None
        completed = Completed.of_values(values, self._normal, draws, statistic.holdout)
        self._completed = self._completed.merged(completed)

    def parts(self) -> dict[Statistic, State]:
        return {self._statistic: self._completed.state(self._statistic.values)}
