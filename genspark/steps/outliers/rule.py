"""What every method has in common: what it must know, and what it then judges of each row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from genspark.columns.expressions import HIDDEN
from genspark.columns.hashing import Draw
from genspark.columns.kernels import Kernel
from genspark.statistics import State, Statistic
from genspark.steps.base import Bound, Parameters, Schema


@dataclass(frozen=True)
class Judgement:
    """A number of each row that should lie within two bounds, and the columns that stand or fall with it.

    `column` is None where the row as a whole is judged. `flag` names the column that tells the verdict.
    """

    column: str | None
    columns: tuple[str, ...]
    flag: str
    value: nw.Expr
    lower: Bound
    upper: Bound

    @property
    def is_outlier(self) -> nw.Expr:
        """Whether the number lies outside the bounds; null or false where it or a bound is missing."""
        sides: list[nw.Expr] = []
        if self.lower is not None:
            sides.append(self.value < edge(self.lower))
        if self.upper is not None:
            sides.append(self.value > edge(self.upper))
        return sides[0] if len(sides) == 1 else sides[0] | sides[1]


@dataclass(frozen=True)
class Rule(ABC):
    """How outliers of these columns are told; one for each method."""

    columns: tuple[str, ...]

    @abstractmethod
    def statistics(self) -> Sequence[Statistic]:
        """What it must know of the columns."""

    @abstractmethod
    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        """What it learnt: plain JSON."""

    @abstractmethod
    def judgements(self, parameters: Parameters) -> Sequence[Judgement]:
        """What is judged of each row; nothing where nothing was learnt."""

    @abstractmethod
    def flags(self) -> Sequence[str]:
        """The names of all flags, also of those whose judgement was not learnt."""

    @abstractmethod
    def clipped(self, parameters: Parameters) -> Sequence[nw.Expr]:
        """Every column with its outliers moved to the nearest place that is none."""

    def clipped_type(self, dtype: Any) -> Any:
        """The dtype of a column after clipping."""
        return nw.Float64()

    def draws(self) -> Sequence[Draw]:
        """The random numbers that its statistics are taken by."""
        return ()

    def kernels(self, parameters: Parameters, *, is_clipping: bool) -> Sequence[Kernel]:
        """The hidden columns that its judgements read, and where it clips also those of the values moved."""
        return ()


def hidden(what: str) -> str:
    """The name of a hidden column of this step's own."""
    return f"{HIDDEN}outliers_{what}"


def edge(bound: Bound) -> Any:
    """A bound as what a column can be compared with."""
    return nw.col(bound) if isinstance(bound, str) else bound
