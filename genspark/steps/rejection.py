"""Rules that take rows out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import narwhals as nw

Action = Literal["drop", "quarantine", "error"]

Bound = float | str | None
"""A bound of a value: a number, or the name of the hidden column with each row's number; None is open."""


@dataclass(frozen=True)
class Rejection:
    """A rule that does `action` to each row where `predicate` is true; null counts as false.

    `column` is None for a rule about the whole row. `value`, as Float64, is what the rule looks at, and `bounds`
    are its limits: the one that the value crossed is the threshold in the quarantine's reasons. Both are None where the
    rule compares no number. `breach` says what a value that breaks it does; left out, it is outside the rule.
    """

    column: str | None
    rule: str
    predicate: nw.Expr
    value: nw.Expr
    bounds: tuple[Bound, Bound]
    action: Action
    breach: str = ""

    @property
    def breaks(self) -> str:
        """What is said of a value that breaks it."""
        return self.breach or f"outside the {self.rule}"

    @property
    def has_value(self) -> bool:
        """Whether it looks at a number that has bounds; other rules say no more than that a row breaks them."""
        return self.bounds != (None, None)

    @property
    def broken(self) -> str:
        """What is said of a row that breaks a rule without a number. No value: it may be nobody's business."""
        where = "a row" if self.column is None else f"column {self.column!r}"
        return f"{where} breaks the rule {self.rule!r}; clean it before, or choose another level for the rule"
