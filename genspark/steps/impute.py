"""Fill what is missing with one value a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.errors import SchemaError
from genspark.statistics import Derivation, Frequencies, Moments, Quantiles, State, Statistic
from genspark.statistics.frequencies import mode
from genspark.statistics.moments import mean
from genspark.statistics.quantiles import DEFAULT_RANK_ERROR
from genspark.steps.base import (
    STEP_CONFIG,
    ColumnStep,
    Parameters,
    Schema,
    is_number,
    is_plain,
    match,
    refuse_taken,
)


@dataclass(config=STEP_CONFIG)
class Impute(ColumnStep):
    """Replace the missing values (null or NaN) of each column by one value.

    mean and median take numeric columns, which become Float64; mode takes numbers, strings and
    booleans, and of values that tie the smallest; constant takes what its value fits. A column with
    no value at all has nothing to learn from and keeps its nulls. Infinities are values, not missing,
    and enter no mean, median or mode. With `indicator` a Boolean `<column>_is_missing` tells what was filled.
    """

    strategy: Literal["mean", "median", "mode", "constant"] = Field(default="mean", description="What to fill with.")
    value: bool | int | float | str | None = Field(
        default=None, description="The constant, for strategy 'constant' alone."
    )
    indicator: bool = Field(default=False, description="Add `<column>_is_missing`.")
    rank_error: float = Field(
        default=DEFAULT_RANK_ERROR,
        ge=0,
        lt=0.5,
        description="How far, as a share of the rows, the median may lie from the middle; 0 is exact.",
    )

    kind: ClassVar[str] = "impute"

    @model_validator(mode="after")
    def _constant_has_a_value(self) -> Self:
        if (self.strategy == "constant") != (self.value is not None):
            told = "is needed for strategy 'constant'" if self.value is None else "goes with strategy 'constant' alone"
            raise ValueError(f"value: {told}; strategy is {self.strategy!r}")
        return self

    def bind(self, schema: Schema) -> Self:
        wants_numbers = self.strategy in ("mean", "median")
        wanted, what = (is_number, "numbers") if wants_numbers else (is_plain, "numbers, strings or booleans")
        columns = match(self.columns, schema, wanted, what)
        misfits = [c for c in columns if self.value is not None and not _fits(self.value, schema[c])]
        if misfits:
            raise SchemaError(
                [f"value: {self.value!r} does not fit column {c!r}, which is {schema[c]}" for c in misfits]
            )
        bound = replace(self, columns=columns)
        refuse_taken(bound._indicators() if self.indicator else (), schema)
        return bound

    def writes(self) -> frozenset[str]:
        return frozenset(self.columns) | (frozenset(self._indicators()) if self.indicator else frozenset())

    def output_schema(self, schema: Schema) -> Schema:
        filled = {c: nw.Float64() if self._becomes_float(schema[c]) else schema[c] for c in self.columns}
        indicators = dict.fromkeys(self._indicators(), nw.Boolean()) if self.indicator else {}
        return {**schema, **filled, **indicators}

    def statistics(self) -> Sequence[Statistic]:
        return [] if self.strategy == "constant" else [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        return {
            "values": {column: self._value(column, states) for column in self.columns},
            "to_float": [column for column in self.columns if self._becomes_float(schema[column])],
        }

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        column = wanted.column
        if wanted.by or len(wanted.columns) > 1 or column not in self.columns:
            return None
        # Statistics without a rule for point masses say so themselves: an empty state shows it.
        if wanted.filled({**wanted.empty(), "missing": 1}, self.value or 0) is None:
            return None

        def derive(states: Sequence[State], parameters: Parameters) -> State:
            value = parameters["values"][column]
            after = states[0] if value is None else wanted.filled(states[0], value)
            assert after is not None
            return after

        return Derivation((wanted,), derive, "missing values filled: a point mass merged in")

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        schema = frame.collect_schema()
        filled = [_filled(column, schema[column], parameters) for column in self.columns]
        if not self.indicator:
            return frame.with_columns(*filled)
        names = zip(self.columns, self._indicators(), strict=True)
        return frame.with_columns(*filled, *(nw.col(c).is_null().alias(name) for c, name in names))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop(self._indicators(), strict=False) if self.indicator else frame

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.label}: imputed values of {c!r} stay; which were missing is not undone" for c in self.columns]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        learnt = [c for c in self.columns if parameters["values"][c] is not None]
        return {"filled": [nw.col(column).is_null() for column in learnt]} if learnt else {}

    def _statistic(self, column: str) -> Statistic:
        if self.strategy == "mean":
            return Moments((column,))
        if self.strategy == "median":
            return Quantiles((column,), rank_error=self.rank_error, probabilities=(0.5,))
        return Frequencies((column,))

    def _value(self, column: str, states: Mapping[Statistic, State]) -> Any:
        if self.strategy == "constant":
            return self.value
        statistic = self._statistic(column)
        state = states[statistic]
        if isinstance(statistic, Quantiles):
            median = statistic.read(state, (0.5,))
            return median[0] if median else None
        return mean(state) if self.strategy == "mean" else mode(state)

    def _becomes_float(self, dtype: Any) -> bool:
        return is_number(dtype) and (self.strategy in ("mean", "median") or isinstance(self.value, float))

    def _indicators(self) -> list[str]:
        return [f"{column}_is_missing" for column in self.columns]


def _fits(value: Any, dtype: Any) -> bool:
    if isinstance(value, str):
        return isinstance(dtype, nw.String)
    return isinstance(dtype, nw.Boolean) if isinstance(value, bool) else is_number(dtype)


def _filled(column: str, dtype: Any, parameters: Parameters) -> nw.Expr:
    value = parameters["values"][column]
    is_float = column in parameters["to_float"]
    current = nw.col(column).cast(nw.Float64) if is_float else nw.col(column)
    # A typed literal: a bare one would widen an Int8 column, or a Float32 one.
    return current if value is None else current.fill_null(nw.lit(value, nw.Float64 if is_float else dtype))
