"""Rules that take rows out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import narwhals as nw

Bound = float | str | None
"""A bound of a value: a number, or the name of the hidden column with each row's number; None is open."""


@dataclass(frozen=True)
class Rejection:
    """A rule that does `action` to each row where `predicate` is true; null counts as false.

    `column` is None for a rule about the whole row. `value`, as Float64, is what the rule looks at, and `bounds`
    are its limits: the one that the value crossed is the threshold in the quarantine's reasons.
    """

    column: str | None
    rule: str
    predicate: nw.Expr
    value: nw.Expr
    bounds: tuple[Bound, Bound]
    action: Literal["drop", "quarantine", "error"]
