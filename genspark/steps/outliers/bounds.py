"""Two bounds for each column, over all rows or within each group: zscore, iqr and mad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import number
from genspark.columns.kernels import Kernel
from genspark.columns.lookup import PerGroup, lookup
from genspark.statistics import Derivation, Extremes, Moments, Quantiles, State, Statistic
from genspark.statistics.groups import states_by_group, ungrouped
from genspark.statistics.moments import deviation
from genspark.steps.learner import Parameters
from genspark.steps.outliers.rule import Judgement, Rule, edge, hidden
from genspark.steps.outliers.spread import median_and_deviation
from genspark.steps.rejection import Bound

QUARTILES = (0.25, 0.75)
NORMAL_QUARTILE = 0.6745
"""The third quartile of the standard normal, in the four digits of Iglewicz and Hoaglin."""

Pair = tuple[float, float]


@dataclass(frozen=True)
class ColumnBounds(Rule):
    """Each column by itself. With `by`, rows are checked against the bounds of their group.

    A group that was not seen, or that has no finite value in a column, is held to the bounds of all rows.
    """

    method: str
    threshold: float
    by: tuple[str, ...]
    rank_error: float

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        if not self.by:
            alone = {column: self._pair(column, states[self._statistic(column)]) for column in self.columns}
            return {"bounds": _listed(alone)}
        statistics = {column: self._statistic(column) for column in self.columns}
        overall = {c: self._pair(c, ungrouped(statistic, states[statistic])) for c, statistic in statistics.items()}
        grouped = {column: states_by_group(states[statistic]) for column, statistic in statistics.items()}
        groups = list(grouped[self.columns[0]])
        within = {}
        for column, of_group in grouped.items():
            in_order = (of_group[group] for group in groups)
            pairs = [self._pair(column, state) if state["count"] else overall[column] for state in in_order]
            if overall[column] or any(pairs):
                within[column] = {"lower": [p and p[0] for p in pairs], "upper": [p and p[1] for p in pairs]}
        return {"bounds": _listed(overall), "groups": [list(group) for group in groups], "within": within}

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        if not self.clips or self.by or not isinstance(wanted, Extremes) or wanted.by:
            return None

        def derive(states: Sequence[State], parameters: Parameters) -> State:
            bounds = parameters["bounds"].get(wanted.column)
            return _clipped_extremes(states[0], *bounds) if bounds else states[0]

        return Derivation((wanted,), derive, "clipped: the extremes clipped")

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        within, outputs = parameters.get("within", {}), {}
        for position, column in enumerate(self.columns):
            overall = parameters["bounds"].get(column, (None, None))
            for name, side, otherwise in zip(_hidden(position), ("lower", "upper"), overall, strict=True):
                if column in within:
                    outputs[name] = PerGroup(tuple(within[column][side]), otherwise)
        return [lookup(self.by, parameters["groups"], outputs)] if outputs else []

    def judgements(self, parameters: Parameters) -> Sequence[Judgement]:
        return [
            Judgement(column, (column,), flag, number(column), *bounds)
            for column, flag, bounds in zip(self.columns, self.flags(), self._bounds(parameters), strict=True)
            if bounds
        ]

    def flags(self) -> Sequence[str]:
        return [f"{column}_is_outlier" for column in self.columns]

    def clipped(self, parameters: Parameters) -> Sequence[nw.Expr]:
        return [
            (_clipped(number(column), *bounds) if bounds else number(column)).alias(column)
            for column, bounds in zip(self.columns, self._bounds(parameters), strict=True)
        ]

    def _bounds(self, parameters: Parameters) -> list[tuple[Bound, Bound] | None]:
        """The bounds of each column, as numbers or hidden columns; None where nothing was learnt."""
        if not self.by:
            return [tuple(parameters["bounds"][c]) if c in parameters["bounds"] else None for c in self.columns]
        return [_hidden(i) if column in parameters["within"] else None for i, column in enumerate(self.columns)]

    def _statistic(self, column: str) -> Statistic:
        if self.method == "zscore":
            return Moments((column,), by=self.by)
        return Quantiles((column,), rank_error=self.rank_error, probabilities=QUARTILES, by=self.by)

    def _pair(self, column: str, state: State) -> Pair | None:
        """The bounds learnt from a state; None where nothing can be an outlier."""
        if self.method == "zscore":
            return _around(state["mean"], self.threshold * (deviation(state) or 0.0))
        if self.method == "mad":
            middle = median_and_deviation(state)
            return middle and _around(middle[0], self.threshold * middle[1] / NORMAL_QUARTILE)
        statistic = self._statistic(column)
        assert isinstance(statistic, Quantiles)
        quartiles = statistic.read(state, QUARTILES)
        if quartiles is None:
            return None
        first, third = quartiles
        reach = self.threshold * (third - first)
        return first - reach, third + reach


def _hidden(position: int) -> tuple[str, str]:
    """The hidden columns with the bounds of each row's group, for the column at this position."""
    return hidden(f"lower_{position}"), hidden(f"upper_{position}")


def _around(middle: float, reach: float) -> Pair | None:
    return (middle - reach, middle + reach) if reach else None


def _listed(pairs: Mapping[str, Pair | None]) -> dict[str, list[float]]:
    return {column: list(pair) for column, pair in pairs.items() if pair}


def _clipped(value: nw.Expr, lower: Bound, upper: Bound) -> nw.Expr:
    low, high = edge(lower), edge(upper)
    if isinstance(lower, str):
        # Not Expr.clip: a group that has no bounds has null there, and engines differ on what that does.
        return nw.when(value < low).then(low).when(value > high).then(high).otherwise(value)
    return value.clip(low, high)


def _clipped_extremes(state: State, lower: float, upper: float) -> State:
    """The state of `Extremes` after values were clipped to the bounds; an infinity became the bound it lies beyond."""
    finite = [state["min"], state["max"]] if state["count"] else []
    low = [lower] if state["negative_infinities"] else []
    high = [upper] if state["positive_infinities"] else []
    values = [min(max(value, lower), upper) for value in finite] + low + high
    return {
        **state,
        "count": state["count"] + state["negative_infinities"] + state["positive_infinities"],
        "negative_infinities": 0,
        "positive_infinities": 0,
        "min": min(values, default=None),
        "max": max(values, default=None),
    }
