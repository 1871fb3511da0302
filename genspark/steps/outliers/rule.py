"""Rules: each learns what is usual in some columns, and judges rows by that."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from genspark.columns.expressions import HIDDEN
from genspark.columns.kernels import Kernel
from genspark.steps.learner import Learner, Parameters
from genspark.steps.rejection import Bound


@dataclass(frozen=True)
class Judgement:
    """A number of each row that should lie within two bounds, and the columns whose values it decides on.

    `column` is None where the row as a whole is judged. `flag` names the Boolean column of outliers.
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
class Rule(Learner):
    """Finds the outliers of some columns, and moves them where it `clips`; one class for each method."""

    columns: tuple[str, ...]
    clips: bool

    @abstractmethod
    def judgements(self, parameters: Parameters) -> Sequence[Judgement]:
        """The judgements of each row; none where nothing was learnt."""

    @abstractmethod
    def flags(self) -> Sequence[str]:
        """The names of all flags, also of those without a judgement."""

    @abstractmethod
    def clipped(self, parameters: Parameters) -> Sequence[nw.Expr]:
        """Every column with its outliers moved to the nearest place that is none."""

    def clipped_type(self, dtype: Any) -> Any:
        """The dtype of a column after clipping."""
        return nw.Float64()

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        """The kernels of the hidden columns that the judgements read and, where it `clips`, `clipped` too."""
        return ()


def hidden(what: str) -> str:
    """The name of a hidden column of this step."""
    return f"{HIDDEN}outliers_{what}"


def edge(bound: Bound) -> Any:
    """A bound as an expression, or a number, to compare a column with."""
    return nw.col(bound) if isinstance(bound, str) else bound
