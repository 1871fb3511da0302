"""Rules that take rows out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import narwhals as nw

Action = Literal["drop", "quarantine", "error"]

Bound = float | str | None
"""A bound of a value: a number, or the name of the hidden column with each row's number; None is open."""


StepCount = tuple[str, str, int, str | None, str | None]
"""A number that a step counted: the step, what it is of, the number; and the column and the level of a rule."""


class Counted(NamedTuple):
    """What is counted of a step; rules are told apart by the `column` and the `level` that they are for, too."""

    what: str
    column: str | None = None
    level: str | None = None

    @classmethod
    def of(cls, name: str | Self) -> Counted:
        """What a name in `Step.counts` stands for."""
        return Counted(name) if isinstance(name, str) else name

    @property
    def label(self) -> str:
        """It in words, such as `fare: not null (warn)`."""
        where, level = (f"{self.column}: " if self.column else "", f" ({self.level})" if self.level else "")
        return f"{where}{self.what}{level}"

    def told(self, step: str, values: int) -> StepCount:
        """A number of it."""
        return (step, self.what, values, self.column, self.level)


@dataclass(frozen=True)
class Rejection:
    """A rule that does `action` to each row where `predicate` is true; null counts as false.

    `column` is None for a rule about the whole row. `value`, as Float64, is what the rule looks at, and `bounds`
    are its limits: the one that the value crossed is the threshold in the quarantine's reasons. Both are None where the
    rule compares no number. `breach` says what a value that breaks it does; left out, it is outside the rule.
    What an `is_apart` rejects is counted by column and level, else all columns of a rule are counted together.
    Where a rule `is_private`, no message has a value.
    """

    column: str | None
    rule: str
    predicate: nw.Expr
    value: nw.Expr
    bounds: tuple[Bound, Bound]
    action: Action
    breach: str = ""
    is_apart: bool = False
    is_private: bool = False

    @property
    def breaks(self) -> str:
        """What is said of a value that breaks it."""
        return self.breach or f"outside the {self.rule}"

    @property
    def counted(self) -> Counted:
        """What the rows that it rejects are counted as."""
        return Counted(self.rule, self.column, self.action) if self.is_apart else Counted(self.rule)

    @property
    def has_value(self) -> bool:
        """Whether it looks at a number that has bounds; other rules say no more than that a row breaks them."""
        return self.bounds != (None, None)

    @property
    def broken(self) -> str:
        """What is said of a row that breaks a rule without a number. No value: it may be nobody's business."""
        where = "a row" if self.column is None else f"column {self.column!r}"
        return f"{where} breaks the rule {self.rule!r}; clean it before, or choose another level for the rule"
