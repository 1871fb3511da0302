"""Batches of rows as they stream by, and collectors that gather statistics from them."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.statistics import State, Statistic

Numbers64 = npt.NDArray[Any]


class Batch:
    """Some rows, and the finite values of their columns, each computed once."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.rows = rows
        # Kept here and not by functools.cache, which would hold every batch of the process for good.
        self._finite: dict[str, pl.Series] = {}

    @functools.cached_property
    def sums(self) -> dict[str, float]:
        """The sum of each number column: not finite where some value is not (or where it overflows)."""
        numbers = [name for name, dtype in self.rows.schema.items() if dtype.is_numeric()]
        return self.rows.select(pl.col(numbers).cast(pl.Float64).sum()).row(0, named=True) if numbers else {}

    @property
    def nan(self) -> set[str]:
        """The columns that may hold NaN: those whose sum is NaN."""
        return {column for column, total in self.sums.items() if total is not None and np.isnan(total)}

    def is_clean(self, column: str) -> bool:
        """Whether every value is finite or null, which the sum shows at the speed of memory."""
        return bool(np.isfinite(self.sums.get(column, 0.0)))

    def finite(self, column: str) -> pl.Series:
        """The finite values as Float64, without nulls."""
        if column not in self._finite:
            values = self.rows[column].cast(pl.Float64)
            kept = values if self.is_clean(column) else values.filter(values.is_finite())
            self._finite[column] = kept.drop_nulls()
        return self._finite[column]

    def finite_matrix(self, columns: Sequence[str]) -> Numbers64:
        """The columns side by side as rows x columns, NaN where a value is null, NaN or infinite. Writable."""
        floats = self.rows.select(pl.col(name).cast(pl.Float64) for name in columns)
        values = floats.to_numpy(writable=True)
        values[np.isinf(values)] = np.nan
        return values

    def draws(self, statistic: Statistic) -> Numbers64:
        """The random numbers of the rows: the last of the statistic's columns."""
        return self.rows[statistic.columns[-1]].to_numpy()

    def counts(self, column: str) -> tuple[int, int, int, int]:
        """Rows that are finite, missing, positive infinities and negative infinities."""
        if self.is_clean(column):
            missing = self.rows[column].null_count()
            return self.rows.height - missing, missing, 0, 0
        values, finite = self.rows[column], len(self.finite(column))
        plus, minus = (int((values == sign * float("inf")).sum()) for sign in (1, -1))
        return finite, self.rows.height - finite - plus - minus, plus, minus


def one_zero(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Replace -0.0 by 0.0: they are equal, so they count as one. Polars drops an addition of 0.0."""
    return pl.when(value == 0).then(pl.lit(0.0, dtype)).otherwise(value)


class Collector(ABC):
    """Takes batches and gives parts, of which `Statistic.finish` makes states."""

    @abstractmethod
    def add(self, batch: Batch) -> None:
        """Take in a batch."""

    @abstractmethod
    def parts(self) -> dict[Statistic, State]:
        """The part of each statistic so far."""


def counted(counts: Any) -> State:
    """The counts of `Batch.counts`, added up and named as in states."""
    names = ("count", "missing", "positive_infinities", "negative_infinities")
    return {name: int(count) for name, count in zip(names, counts, strict=True)}
