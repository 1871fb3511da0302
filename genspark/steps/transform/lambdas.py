"""The powers that make columns most nearly normal, learnt in one scan or two."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from genspark.columns.dtypes import Schema
from genspark.errors import DataError
from genspark.statistics import Powers, State, Statistic
from genspark.statistics.likelihood import best_lambda
from genspark.steps.learner import Learner, Parameters
from genspark.storage.secrets import MASK


@dataclass(frozen=True)
class Lambdas(Learner):
    """The lambda of the greatest likelihood for each column; 1 for a constant or all-null one.

    Parameters: `lambdas` (column -> lambda) and, until the second scan, `search` (column -> the ends of a
    finer grid) where the first was too coarse. Raises DataError for a value that is not above `edge`, the edge
    of the function's domain; with None such values are left out.
    """

    columns: tuple[str, ...]
    function: Literal["box-cox", "yeo-johnson"]
    label: str
    edge: float | None
    personal: frozenset[str] = frozenset()

    def discreet(self, columns: frozenset[str]) -> Self:
        return replace(self, personal=columns)

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        statistics = {column: self._statistic(column) for column in self.columns}
        for column, statistic in statistics.items():
            self._check(column, states[statistic])
        best = {column: best_lambda(statistic, states[statistic]) for column, statistic in statistics.items()}
        search = {column: [b.refinement.start, b.refinement.stop] for column, b in best.items() if b.refinement}
        lambdas = {"lambdas": {column: b.power for column, b in best.items()}}
        return {**lambdas, "search": search} if search else lambdas

    @property
    def rounds(self) -> int:
        return 1

    def refinement(self, parameters: Parameters) -> Sequence[Statistic]:
        search = parameters.get("search", {})
        return [replace(self._statistic(column), start=start, stop=stop) for column, (start, stop) in search.items()]

    def refined(self, parameters: Parameters, states: Mapping[Statistic, State]) -> Parameters:
        better = {s.column: best_lambda(s, state).power for s, state in states.items() if isinstance(s, Powers)}
        return {"lambdas": {**parameters["lambdas"], **better}}

    def _statistic(self, column: str) -> Powers:
        return Powers((column,), self.function)

    def _check(self, column: str, state: State) -> None:
        """Raise DataError where a value is outside the domain."""
        if self.edge is None or not (state["outside"] or state["negative_infinities"]):
            return
        lowest = -math.inf if state["negative_infinities"] else state["lowest"]
        value = MASK if column in self.personal else lowest
        raise DataError(
            f"{self.label}: column {column!r} has the value {value}, outside the {self.function} domain, which begins "
            f"above {self.edge:g}; clean it before, or set the step's rule for such values"
        )
