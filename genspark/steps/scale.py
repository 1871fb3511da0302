"""Bring columns to a common scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.expressions import number
from genspark.statistics import Derivation, Extremes, Moments, State, Statistic
from genspark.statistics.moments import deviation
from genspark.steps.base import STEP_CONFIG, ColumnStep, Parameters, Schema, changed, present


@dataclass(config=STEP_CONFIG)
class Scale(ColumnStep):
    """Replace x by (x - center) / scale + offset; the columns become Float64.

    standard: center is the mean, scale the population standard deviation. minmax: the smallest value
    goes to the lower end of `range`, the largest to the upper. A constant column goes to 0 (standard)
    or to the lower end (minmax), and an all-null column stays null; both as in scikit-learn's
    StandardScaler and MinMaxScaler. NaN becomes null. Inverse: exact up to rounding.
    """

    method: Literal["standard", "minmax"] = Field(default="standard", description="How center and scale are learnt.")
    range: tuple[float, float] = Field(default=(0.0, 1.0), description="The ends that minmax maps to.")

    kind: ClassVar[str] = "scale"

    @model_validator(mode="after")
    def _range_ascends(self) -> Self:
        lower, upper = self.range
        if not lower < upper:
            raise ValueError(f"range: the lower end must be below the upper; got [{lower}, {upper}]")
        return self

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        return {"maps": {column: self._map(states[self._statistic(column)]) for column in self.columns}}

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        column = wanted.column
        if wanted.by or len(wanted.columns) > 1 or wanted.affine(wanted.empty(), 0.0, 1.0, 0.0) is None:
            return None

        def derive(states: Sequence[State], parameters: Parameters) -> State:
            after = wanted.affine(states[0], *parameters["maps"][column])
            assert after is not None
            return after

        return Derivation((wanted,), derive, "scaled: an affine map of the state")

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        maps = parameters["maps"]
        return frame.with_columns(*(_forward(column, *maps[column]) for column in self.columns))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        maps = parameters["maps"]
        return changed(frame, (_backward(column, *maps[column]) for column in present(frame, self.columns)))

    def _statistic(self, column: str) -> Statistic:
        return Moments((column,)) if self.method == "standard" else Extremes((column,))

    def _map(self, state: State) -> list[float]:
        """Center, scale and offset."""
        if self.method == "standard":
            return [state["mean"], deviation(state) or 1.0, 0.0]
        lower, upper = self.range
        if state["count"] == 0:
            return [0.0, 1.0, 0.0]
        span = state["max"] - state["min"]
        return [state["min"], span / (upper - lower) or 1.0, lower]


def _forward(column: str, center: float, scale: float, offset: float) -> nw.Expr:
    # Subtracting first keeps the digits of a column with a large offset.
    return ((number(column) - center) / scale + offset).alias(column)


def _backward(column: str, center: float, scale: float, offset: float) -> nw.Expr:
    return ((number(column) - offset) * scale + center).alias(column)
