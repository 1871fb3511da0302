"""Hierarchies: how the values of a column become coarser, level by level."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.coarser import AS_IS, DAY, Cut, chained
from genspark.steps.base import STEP_CONFIG

NONE: Cut = ("none",)
"""Not a cut, but the last level: no value is told."""
_OF_DATES = {"month": 7, "year": 4}


@dataclass(config=STEP_CONFIG)
class Hierarchy:
    """The levels of a column: its values as they are, then one of the lists, then nothing (null).

    `bins` are widths of bins of numbers, each a multiple of the one before, of which the middle is told; `dates` cut
    days (which dates and times are first) to text such as 2026-01 and 2026; `prefixes` are lengths to which text is
    cut, falling; `groups` are maps of texts to the names of their groups, each applied to what the one before gave,
    and what it does not name stays. `least` is the first level that may be told: 0 is the value as it is.
    """

    bins: tuple[float, ...] = ()
    dates: tuple[Literal["month", "year"], ...] = ()
    prefixes: tuple[int, ...] = ()
    groups: tuple[dict[str, str], ...] = ()
    least: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _is_one_list_that_gets_coarser(self) -> Self:
        given = [name for name in ("bins", "dates", "prefixes", "groups") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{given[1]}: a column has one hierarchy; got {given[0]} too")
        multiples = [wide / narrow for narrow, wide in itertools.pairwise(self.bins)]
        if any(width <= 0 for width in self.bins) or any(m < 2 or m != round(m) for m in multiples):
            raise ValueError(f"bins: each width must be a multiple of the one before it; got {list(self.bins)}")
        lengths = [_OF_DATES[unit] for unit in self.dates] or list(self.prefixes)
        if any(length < 1 for length in lengths) or any(a <= b for a, b in itertools.pairwise(lengths)):
            what = "dates: must be month, year" if self.dates else "prefixes: must be lengths that fall, of 1 or more"
            raise ValueError(f"{what}; got {list(self.dates or self.prefixes)}")
        if self.least >= len(self.cuts()):
            raise ValueError(f"least: must be below {len(self.cuts())}, the number of levels; got {self.least}")
        return self

    def cuts(self) -> list[Cut]:
        """The levels in order, nothing the last."""
        own: list[Cut] = [("bins", width) for width in self.bins]
        own += [("prefix", _OF_DATES[unit]) for unit in self.dates]
        own += [("prefix", length) for length in self.prefixes]
        own += chained(self.groups)
        return [("prefix", DAY) if self.dates else AS_IS, *own, NONE]

    def needs(self) -> str | None:
        """What the column must hold: numbers or text; None for anything that is told apart."""
        return "numbers" if self.bins else "text or dates" if self.dates or self.prefixes or self.groups else None

    def told(self, level: int) -> str:
        """A level in words."""
        if level == len(self.cuts()) - 1:
            return "not told"
        if level == 0:
            return "days" if self.dates else "as it is"
        of_level: Sequence[Any] = self.bins or self.dates or self.prefixes or self.groups
        one = of_level[level - 1]
        if self.bins:
            return f"bins of {one:g}"
        return f"{one}s" if self.dates else f"{one} characters" if self.prefixes else f"groups {level}"
