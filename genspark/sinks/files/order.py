"""The order of a file's rows by their places, and of files among each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True)
class FileOrder:
    """Whether a file's rows are in order, and the least and the greatest place of its rows."""

    is_sorted: bool
    first: int
    last: int

    @classmethod
    def of(cls, places: npt.NDArray[Any]) -> FileOrder | None:
        """The order of a file's rows by the place of each; None for no rows."""
        if not len(places):
            return None
        if bool((places[1:] >= places[:-1]).all()):
            return cls(True, int(places[0]), int(places[-1]))
        return cls(False, int(places.min()), int(places.max()))


def overlapping(found: Mapping[str, FileOrder]) -> list[str]:
    """The files whose ranges of places meet those of another; none where the files together are in order, too."""
    by_start = sorted(found, key=lambda name: (found[name].first, found[name].last))
    meeting: set[str] = set()
    widest: str | None = None
    for name in by_start:
        if widest is not None and found[name].first <= found[widest].last:
            meeting |= {name, widest}
        if widest is None or found[name].last > found[widest].last:
            widest = name
    return sorted(meeting)
