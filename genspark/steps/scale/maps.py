"""Affine maps, (x - center) / scale + offset: one for each column."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.statistics import Covariance, Derivation, Extremes, Moments, Quantiles, State, Statistic
from genspark.statistics.moments import deviation
from genspark.steps.learner import Learner, Parameters

QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Maps(Learner):
    """The map of each numeric column, by the methods standard, minmax, maxabs and robust.

    Parameters: `maps` (column -> center, scale, offset).
    """

    columns: tuple[str, ...]
    method: str
    range: tuple[float, float]
    rank_error: float

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        return {"maps": {column: self._map(column, states) for column in self.columns}}

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        if wanted.by:
            return None
        if isinstance(wanted, Covariance):
            return Derivation((wanted,), functools.partial(_rescaled, wanted), "scaled: an affine map of the state")
        if len(wanted.columns) > 1 or wanted.affine(wanted.empty(), 0.0, 1.0, 0.0) is None:
            return None

        def derive(states: Sequence[State], parameters: Parameters) -> State:
            after = wanted.affine(states[0], *parameters["maps"][wanted.column])
            assert after is not None
            return after

        return Derivation((wanted,), derive, "scaled: an affine map of the state")

    def _statistic(self, column: str) -> Statistic:
        if self.method == "standard":
            return Moments((column,))
        if self.method in ("minmax", "maxabs"):
            return Extremes((column,))
        return Quantiles((column,), rank_error=self.rank_error, probabilities=QUARTILES)

    def _map(self, column: str, states: Mapping[Statistic, State]) -> list[float]:
        statistic = self._statistic(column)
        state = states[statistic]
        if isinstance(statistic, Quantiles):
            first, middle, third = statistic.read(state, QUARTILES) or (0.0, 0.0, 0.0)
            return [middle, third - first or 1.0, 0.0]
        return affine_map(state, self.method, self.range)


def affine_map(state: State, method: str, range_: tuple[float, float]) -> list[float]:
    """Center, scale and offset, from moments (standard) or extremes (minmax, maxabs); [0, 1, 0] of no values."""
    if state["count"] == 0:
        return [0.0, 1.0, 0.0]
    if method == "standard":
        return [state["mean"], deviation(state) or 1.0, 0.0]
    if method == "maxabs":
        return [0.0, max(abs(state["min"]), abs(state["max"])) or 1.0, 0.0]
    lower, upper = range_
    return [state["min"], (state["max"] - state["min"]) / (upper - lower) or 1.0, lower]


def _rescaled(wanted: Covariance, states: Sequence[State], parameters: Parameters) -> State:
    """The state of the covariance after the step, whose maps scale some of its columns."""
    unchanged = (0.0, 1.0, 0.0)
    return wanted.rescaled(states[0], [tuple(parameters["maps"].get(column, unchanged)) for column in wanted.values])
