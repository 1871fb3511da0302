"""Columns of vectors: their missing elements, and null vectors as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa

from genspark.columns.dtypes import Schema
from genspark.columns.kernels import Kernel
from genspark.columns.vectors import element_type, pack, unpack
from genspark.statistics import Elements, State, Statistic
from genspark.steps.impute.filling import Filling, hidden
from genspark.steps.learner import Parameters


@dataclass(frozen=True)
class OfVectors(Filling):
    """Fills each element by the mean of its position, or by the mean of all elements, or by a constant.

    A null vector becomes a vector of these. An element of which no value was seen stays null.
    """

    strategy: Literal["mean", "constant"]
    value: float | None
    over: Literal["each", "all"]

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def fit(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        by_column = {column: states[self._statistic(column)] for column in self.columns}
        return {
            "values": {column: self._values(state) for column, state in by_column.items()},
            "sizes": {column: state["size"] for column, state in by_column.items()},
            "elements": {column: str(element_type(schema[column])).lower() for column in self.columns},
        }

    def learnt(self, parameters: Parameters) -> Sequence[str]:
        return [column for column in self.columns if parameters["sizes"][column] is not None]

    def fill(self, column: str, dtype: Any, parameters: Parameters) -> nw.Expr:
        return nw.col(hidden(column))

    def filled_type(self, dtype: Any) -> Any:
        return nw.List(element_type(dtype))

    def filled(
        self, given: Mapping[str, nw.Expr], types: Mapping[str, Any], parameters: Parameters
    ) -> Sequence[nw.Expr]:
        # The kernel has written every vector, those included of which nothing was learnt.
        return [self.fill(column, types[column], parameters).alias(column) for column in given]

    def is_missing(self, column: str) -> nw.Expr:
        return nw.col(_flag(column))

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        kernels = []
        for column in self.columns:
            element = pa.type_for_alias(parameters["elements"][column])
            values = tuple(math.nan if value is None else value for value in parameters["values"][column])
            function = Filled(column, parameters["sizes"][column], values, element)
            kernels.append(Kernel((column,), {hidden(column): pa.list_(element), _flag(column): pa.bool_()}, function))
        return kernels

    def _statistic(self, column: str) -> Elements:
        return Elements((column,), over=self.over)

    def _values(self, state: State) -> list[float | None]:
        if self.strategy == "constant":
            return [self.value]
        return [mean if count else None for mean, count in zip(state["mean"], state["count"], strict=True)]


@dataclass(frozen=True)
class Filled:
    """A column of vectors -> the vectors without missing elements, and whether anything was missing.

    `values` has one entry, or one for each place; NaN where nothing was learnt. `size` None: no vector was seen.
    """

    name: str
    size: int | None
    values: tuple[float, ...]
    element: pa.DataType

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """One column of lists and one of booleans."""
        vectors = unpack(arrays[0], self.name, self.size)
        is_missing = np.isnan(vectors.values)
        was_missing = pa.array(is_missing.any(axis=1) | ~vectors.present)
        if self.size is None:
            return [pack(vectors.values, vectors.present, self.element), was_missing]
        values = np.where(is_missing, np.array(self.values), vectors.values)
        return [pack(values, np.ones_like(vectors.present), self.element), was_missing]


def _flag(column: str) -> str:
    return hidden(f"{column}_was_missing")
