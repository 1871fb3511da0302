"""Bounds of numbers, as YAML has them: [least, most], both allowed, null for no bound."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

Range = tuple[float | None, float | None]


def _in_order(bounds: Range) -> Range:
    low, high = bounds
    if (low is None and high is None) or (low is not None and high is not None and low > high):
        raise ValueError(f"must be [least, most], with null for no bound; got {list(bounds)}")
    return bounds


Bounds = Annotated[Range, AfterValidator(_in_order)]


def outside(value: float | None, bounds: Range, *, is_more: bool = False, shown: str | None = None) -> str:
    """How a value lies outside of bounds, in words; empty where it lies within. None is outside of any.

    `is_more`: the true value is greater, and not known. `shown` stands for it in the words.
    """
    low, high = bounds
    if value is None:
        return "not there: no value was seen"
    if shown is None:
        shown = f"more than {value:g}" if is_more else f"{value:g}"
    if high is not None and (value >= high if is_more else value > high):
        return f"{shown}, above {high:g}"
    return f"{shown}, below {low:g}" if low is not None and value < low and not is_more else ""
