"""Fillings: each learns, and then gives, the values that replace missing ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema, is_number
from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.statistics import State, Statistic
from genspark.steps.learner import Learner, Parameters


@dataclass(frozen=True)
class Filling(Learner):
    """Fills the missing values of some columns; one class for each strategy.

    With `has_indicators` the step adds a Boolean column for each, which tells what was missing.
    """

    columns: tuple[str, ...]
    has_indicators: bool

    @property
    def indicators(self) -> list[str]:
        """The names of the columns that are added, in the order of `columns`."""
        return [f"{column}_is_missing" for column in self.columns] if self.has_indicators else []

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        to_float = [column for column in self.columns if self.becomes_float(schema[column])]
        return {**self.fit(states, schema), "to_float": to_float}

    @abstractmethod
    def fit(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        """All parameters except `to_float`, the list of columns that become floats."""

    @abstractmethod
    def learnt(self, parameters: Parameters) -> Sequence[str]:
        """The columns with values to learn from; in the others missing values stay."""

    @abstractmethod
    def fill(self, column: str, dtype: Any, parameters: Parameters) -> nw.Expr:
        """The value, as this dtype, that replaces a missing one of a column in `learnt`."""

    def becomes_float(self, dtype: Any) -> bool:
        """Whether a column of this dtype is made Float64 before it is filled."""
        return is_number(dtype)

    def filled_type(self, dtype: Any) -> Any:
        """The dtype after the step of a column that had this one."""
        return nw.Float64() if self.becomes_float(dtype) else dtype

    def filled(
        self, given: Mapping[str, nw.Expr], types: Mapping[str, Any], parameters: Parameters
    ) -> Sequence[nw.Expr]:
        """The columns after the step: column -> its values, already floats where it becomes them, and their dtype."""
        learnt = frozenset(self.learnt(parameters))
        return [
            current.fill_null(self.fill(column, types[column], parameters)) if column in learnt else current
            for column, current in given.items()
        ]

    def is_missing(self, column: str) -> nw.Expr:
        """Whether a row's value, or a part of it, is missing."""
        return nw.col(column).is_null()

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        """The kernels of the hidden columns that `fill` and `is_missing` read."""
        return ()


@dataclass(frozen=True)
class RowFilling(Filling):
    """Fills each row by a kernel that sees all of the columns."""

    def fill(self, column: str, dtype: Any, parameters: Parameters) -> nw.Expr:
        return nw.col(hidden(column)).cast(dtype)


def hidden(column: str) -> str:
    """The name of the hidden column with the values that fill a column."""
    return f"{HIDDEN}impute_{column}"
