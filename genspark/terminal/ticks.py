"""Numbers as blocks of text, one beside the other."""

from __future__ import annotations

from collections.abc import Iterable

LEVELS = "▁▂▃▄▅▆▇█"


def ticks(heights: Iterable[float], levels: str = LEVELS) -> str:
    """A block for each height, from 0 to 1, of as many levels as there are signs for."""
    return "".join(levels[round(height * (len(levels) - 1))] for height in heights)
