"""What every strategy has in common: what it must know, and what then stands in for a missing value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from genspark.columns.expressions import HIDDEN
from genspark.columns.hashing import Draw
from genspark.columns.kernels import Kernel
from genspark.statistics import Derivation, State, Statistic
from genspark.steps.base import Parameters, Schema


@dataclass(frozen=True)
class Filling(ABC):
    """What the missing values of some columns become; one for each strategy."""

    columns: tuple[str, ...]

    @abstractmethod
    def statistics(self) -> Sequence[Statistic]:
        """What it must know of the columns."""

    @abstractmethod
    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        """What it learnt: plain JSON."""

    @abstractmethod
    def learnt(self, parameters: Parameters) -> Sequence[str]:
        """The columns of which there was something to learn; the others keep what is missing."""

    @abstractmethod
    def fill(self, column: str, dtype: Any, parameters: Parameters) -> nw.Expr:
        """What stands in for what is missing of a column that was learnt, as this dtype."""

    def filled(
        self, given: Mapping[str, nw.Expr], types: Mapping[str, Any], parameters: Parameters
    ) -> Sequence[nw.Expr]:
        """The columns after the step, from each as it is given and the dtype that it then has."""
        learnt = frozenset(self.learnt(parameters))
        return [
            current.fill_null(self.fill(column, types[column], parameters)) if column in learnt else current
            for column, current in given.items()
        ]

    def is_missing(self, column: str) -> nw.Expr:
        """Whether something of a row's value is missing."""
        return nw.col(column).is_null()

    def draws(self) -> Sequence[Draw]:
        """The random numbers that its statistics are taken by."""
        return ()

    @property
    def rounds(self) -> int:
        """The scans it needs beyond the first."""
        return 0

    def refinement(self, parameters: Parameters) -> Sequence[Statistic]:
        """What it must know next."""
        return ()

    def refined(self, parameters: Parameters, states: Mapping[Statistic, State]) -> Parameters:
        """Better parameters, from the states of `refinement`."""
        return parameters

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        """The hidden columns that `fill` reads."""
        return ()

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        """How a statistic of one filled column follows from statistics of the column as it was."""
        return None


@dataclass(frozen=True)
class RowFilling(Filling):
    """Fills each row by a kernel that sees all of the columns."""

    def fill(self, column: str, dtype: Any, parameters: Parameters) -> nw.Expr:
        return nw.col(hidden(column)).cast(dtype)


def hidden(column: str) -> str:
    """The hidden column of what a column is filled with."""
    return f"{HIDDEN}impute_{column}"
