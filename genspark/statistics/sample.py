"""A uniform sample of the rows, the same however they are cut and ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from genspark.columns.hashing import Draw
from genspark.errors import PlanError
from genspark.statistics.base import State, Statistic


@dataclass(frozen=True)
class Sample(Statistic):
    """The `size` rows with the smallest draws: a uniform sample without replacement.

    The last of `columns` is the draw, a number in [0, 1) that a hash of the row's key gives it; the others are
    numbers. State: `seen`, the rows there were; `draws` of those kept, rising; and `rows`, a list of their
    values as doubles in the order of the columns. Null, NaN and the infinities, which JSON has not, are None.
    Rows of equal draw are in the order of their values, None first, so that the state is the same under any
    partitioning. Where there are fewer rows than `size` it holds them all.

    Source: bottom-k sampling; E. Cohen, H. Kaplan, "Summarizing Data Using Bottom-k Sketches", PODC 2007.
    """

    size: int

    kind: ClassVar[str] = "sample"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise PlanError(f"sample size: must be at least 1 row; got {self.size}")

    @classmethod
    def by_draw(cls, columns: Sequence[str], draw: Draw, size: int) -> Self:
        """The sample of so many rows of these columns whose draws are the smallest."""
        return cls((*columns, draw.column), size)

    @property
    def values(self) -> tuple[str, ...]:
        """The columns whose values are kept."""
        return self.columns[:-1]

    def empty(self) -> State:
        return {"seen": 0, "draws": [], "rows": []}

    def merge_ungrouped(self, a: State, b: State) -> State:
        both = [*zip(a["draws"], a["rows"], strict=True), *zip(b["draws"], b["rows"], strict=True)]
        kept = sorted(both, key=_order)[: self.size]
        return {"seen": a["seen"] + b["seen"], "draws": [draw for draw, _ in kept], "rows": [row for _, row in kept]}


def _order(drawn: tuple[float, Sequence[float | None]]) -> tuple[Any, ...]:
    draw, row = drawn
    return draw, *((value is not None, value or 0.0) for value in row)
