"""Filling by one value for each column, or for each group of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import pyarrow as pa

from genspark.columns.dtypes import Schema, is_number
from genspark.columns.kernels import Kernel
from genspark.columns.lookup import Group, PerGroup, lookup
from genspark.statistics import Derivation, Frequencies, Moments, Quantiles, State, Statistic
from genspark.statistics.base import grouped
from genspark.statistics.frequencies import mode
from genspark.statistics.groups import states_by_group, ungrouped
from genspark.statistics.moments import mean
from genspark.steps.impute.filling import Filling, hidden
from genspark.steps.learner import Parameters

Value = bool | int | float | str | None


@dataclass(frozen=True)
class OneValue(Filling):
    """Each column's mean, median or mode, or the constant."""

    strategy: str
    value: Value
    rank_error: float

    def statistics(self) -> Sequence[Statistic]:
        return [] if self.strategy == "constant" else [self._statistic(column) for column in self.columns]

    def fit(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        if self.strategy == "constant":
            return {"values": dict.fromkeys(self.columns, self.value)}
        return {"values": {column: self._read(states[self._statistic(column)]) for column in self.columns}}

    def learnt(self, parameters: Parameters) -> Sequence[str]:
        return [column for column in self.columns if parameters["values"][column] is not None]

    def fill(self, column: str, dtype: Any, parameters: Parameters) -> nw.Expr:
        # A typed literal: a bare one would widen an Int8 column, or a Float32 one.
        return nw.lit(parameters["values"][column], dtype)

    def becomes_float(self, dtype: Any) -> bool:
        return is_number(dtype) and (self.strategy in ("mean", "median") or isinstance(self.value, float))

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        if not self._knows(wanted):
            return None

        def derive(states: Sequence[State], parameters: Parameters) -> State:
            value = parameters["values"][wanted.column]
            if not wanted.by:
                return _filled(wanted, states[0], value)
            groups = states_by_group(states[0]).items()
            return grouped({group: _filled(wanted, state, value) for group, state in groups})

        return Derivation((wanted,), derive, "missing values filled: a point mass merged in")

    def _knows(self, wanted: Statistic) -> bool:
        """Whether the statistic is of one filled column, and `Statistic.filled` can derive its state after the step."""
        if len(wanted.columns) > 1 or wanted.column not in self.columns:
            return False
        if not {*self.columns, *self.indicators}.isdisjoint(wanted.by):
            return False
        # Statistics without a rule for point masses say so themselves: an empty state shows it.
        plain = replace(wanted, by=())
        return plain.filled({**plain.empty(), "missing": 1}, self.value or 0) is not None

    def _statistic(self, column: str) -> Statistic:
        if self.strategy == "mean":
            return Moments((column,))
        if self.strategy == "median":
            return Quantiles((column,), rank_error=self.rank_error, probabilities=(0.5,))
        return Frequencies((column,))

    def _read(self, state: State) -> Any:
        if self.strategy == "median":
            median = Quantiles(("",), rank_error=self.rank_error, probabilities=(0.5,)).read(state, (0.5,))
            return median[0] if median else None
        return mean(state) if self.strategy == "mean" else mode(state)


@dataclass(frozen=True)
class ValueOfGroup(OneValue):
    """Each column's mean, median or mode in the row's group, and that of all rows where the group has none."""

    by: tuple[str, ...]

    def fit(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        by_column = {column: states[self._statistic(column)] for column in self.columns}
        overall = {c: self._read(ungrouped(self._statistic(c), state)) for c, state in by_column.items()}
        groups = [group["by"] for group in by_column[self.columns[0]]["groups"]]
        values = {
            column: [self._read(group["state"]) for group in state["groups"]] for column, state in by_column.items()
        }
        types = {column: _kind(schema[column]) if self.strategy == "mode" else "double" for column in self.columns}
        return {"values": overall, "groups": groups, "values_by_group": values, "types": types}

    def fill(self, column: str, dtype: Any, parameters: Parameters) -> nw.Expr:
        return nw.col(hidden(column)).cast(dtype)

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        by_column = {column: _of_groups(column, parameters) for column in self.learnt(parameters)}
        columns = {
            hidden(column): PerGroup(
                tuple(values.values()), parameters["values"][column], pa.type_for_alias(parameters["types"][column])
            )
            for column, values in by_column.items()
        }
        return [lookup(self.by, parameters["groups"], columns)] if columns else []

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        if not self._knows(wanted) or wanted.by not in ((), self.by):
            return None

        def derive(states: Sequence[State], parameters: Parameters) -> State:
            values = _of_groups(wanted.column, parameters)
            groups = {g: _filled(wanted, state, values[g]) for g, state in states_by_group(states[0]).items()}
            return grouped(groups) if wanted.by else ungrouped(wanted, grouped(groups))

        return Derivation((replace(wanted, by=self.by),), derive, "each group's missing values filled: point masses")

    def _statistic(self, column: str) -> Statistic:
        return replace(super()._statistic(column), by=self.by)


def _of_groups(column: str, parameters: Parameters) -> dict[Group, Any]:
    """Group -> the value that fills its missing ones; the value of all rows where the group has none."""
    overall = parameters["values"][column]
    pairs = zip(parameters["groups"], parameters["values_by_group"][column], strict=True)
    return {tuple(group): overall if value is None else value for group, value in pairs}


def _filled(wanted: Statistic, state: State, value: Any) -> State:
    after = state if value is None else wanted.filled(state, value)
    assert after is not None
    return after


def _kind(dtype: Any) -> str:
    """The Arrow type that holds every value of a plain dtype, by its name."""
    if dtype.is_float():
        return "double"
    if dtype.is_integer():
        return "uint64" if dtype == nw.UInt64 else "int64"
    return "bool" if dtype == nw.Boolean else "string"
