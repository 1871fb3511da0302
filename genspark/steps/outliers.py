"""Find values far from the rest of their column, and act on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, cast

import narwhals as nw
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.expressions import beyond, number
from genspark.statistics import Derivation, Extremes, Moments, Quantiles, State, Statistic
from genspark.statistics.moments import deviation
from genspark.statistics.quantiles import DEFAULT_RANK_ERROR
from genspark.steps.base import STEP_CONFIG, ColumnStep, Parameters, Rejection, Schema, changed, refuse_taken

DEFAULT_THRESHOLD = {"zscore": 3.0, "iqr": 1.5}
QUARTILES = (0.25, 0.75)


@dataclass(config=STEP_CONFIG)
class Outliers(ColumnStep):
    """Act on values beyond two bounds that are learnt for each column.

    zscore: mean +- threshold x population standard deviation (default 3). iqr: Tukey's fences, the
    first quartile less and the third quartile plus threshold x (q3 - q1) (default 1.5). Infinities
    lie beyond any bounds; missing values are never outliers. A constant column has no z-score and
    an all-null column no bounds: nothing in them is an outlier.

    drop removes the row; quarantine removes it to the quarantine table with its reasons; clip
    moves the value to the nearer bound (the column becomes Float64); null erases the value; flag
    adds a Boolean `<column>_is_outlier`. Source: J. Tukey, "Exploratory Data Analysis", 1977.
    """

    method: Literal["zscore", "iqr"] = Field(default="zscore", description="How the bounds are learnt.")
    threshold: float | None = Field(
        default=None, gt=0, description="Standard deviations (default 3) or interquartile ranges (default 1.5)."
    )
    action: Literal["drop", "quarantine", "clip", "null", "flag"] = Field(
        default="drop", description="What is done to an outlier."
    )
    rank_error: float = Field(
        default=DEFAULT_RANK_ERROR,
        ge=0,
        lt=0.25,
        description="How far, as a share of the rows, a quartile may lie from its place; 0 is exact.",
    )

    kind: ClassVar[str] = "outliers"

    @property
    def filters(self) -> bool:
        return self.action in ("drop", "quarantine")

    def bind(self, schema: Schema) -> Self:
        bound = super().bind(schema)
        refuse_taken(bound._flags() if self.action == "flag" else (), schema)
        return bound

    def writes(self) -> frozenset[str]:
        if self.action == "flag":
            return frozenset(self._flags())
        return frozenset() if self.filters else frozenset(self.columns)

    def output_schema(self, schema: Schema) -> Schema:
        if self.action == "flag":
            return {**schema, **dict.fromkeys(self._flags(), nw.Boolean())}
        return super().output_schema(schema) if self.action == "clip" else schema

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        bounds = {column: self._bounds(column, states) for column in self.columns}
        return {"bounds": {column: pair for column, pair in bounds.items() if pair}}

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        if self.action != "clip" or not isinstance(wanted, Extremes) or wanted.by:
            return None
        column = wanted.column

        def derive(states: Sequence[State], parameters: Parameters) -> State:
            bounds = parameters["bounds"].get(column)
            return _clipped_extremes(states[0], *bounds) if bounds else states[0]

        return Derivation((wanted,), derive, "clipped: the extremes clipped")

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if not self.filters:
            return []
        action = cast("Literal['drop', 'quarantine']", self.action)
        return [
            Rejection(column, self.method, beyond(column, lower, upper), number(column), (lower, upper), action)
            for column, (lower, upper) in parameters["bounds"].items()
        ]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        bounds = parameters["bounds"]
        if self.action == "clip":
            return frame.with_columns(*(_clipped(c, *bounds[c]) if c in bounds else _as_float(c) for c in self.columns))
        if self.action == "null":
            return changed(frame, (nw.when(~beyond(c, *pair)).then(nw.col(c)).alias(c) for c, pair in bounds.items()))
        if self.action == "flag":
            nothing = nw.lit(False)
            flags = zip(self.columns, self._flags(), strict=True)
            return frame.with_columns(
                *(
                    (beyond(c, *bounds[c]).fill_null(nothing) if c in bounds else nothing).alias(flag)
                    for c, flag in flags
                )
            )
        return frame

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop(self._flags(), strict=False) if self.action == "flag" else frame

    def losses(self, parameters: Parameters) -> Sequence[str]:
        lost = {
            "clip": "clipped values stay at the bound",
            "null": "erased outliers stay null",
            "drop": "dropped rows stay out",
            "quarantine": "quarantined rows stay out",
        }
        return [f"{self.label}: {lost[self.action]} ({c!r})" for c in self.columns if self.action in lost]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        bounds = parameters["bounds"]
        if self.filters or not bounds:
            return {}
        return {self.method: [beyond(column, *pair) for column, pair in bounds.items()]}

    def _statistic(self, column: str) -> Statistic:
        if self.method == "zscore":
            return Moments((column,))
        return Quantiles((column,), rank_error=self.rank_error, probabilities=QUARTILES)

    def _bounds(self, column: str, states: Mapping[Statistic, State]) -> list[float] | None:
        statistic = self._statistic(column)
        state = states[statistic]
        threshold = DEFAULT_THRESHOLD[self.method] if self.threshold is None else self.threshold
        if isinstance(statistic, Quantiles):
            quartiles = statistic.read(state, QUARTILES)
            if quartiles is None:
                return None
            first, third = quartiles
            reach = threshold * (third - first)
            return [first - reach, third + reach]
        spread = deviation(state)
        if not spread:
            return None
        return [state["mean"] - threshold * spread, state["mean"] + threshold * spread]

    def _flags(self) -> list[str]:
        return [f"{column}_is_outlier" for column in self.columns]


def _clipped(column: str, lower: float, upper: float) -> nw.Expr:
    return number(column).clip(lower, upper).alias(column)


def _clipped_extremes(state: State, lower: float, upper: float) -> State:
    """The extremes after clipping, which is monotone; infinities become the bounds they lie beyond."""
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


def _as_float(column: str) -> nw.Expr:
    return number(column).alias(column)
