"""`Repeats`: how many rows have values that another row has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from genspark.statistics.base import State, Statistic
from genspark.statistics.packed import packed, unpacked


@dataclass(frozen=True)
class Repeats(Statistic):
    """The distinct combinations of values of some columns, and the rows that have them.

    State: `count`, the rows in which no column is missing; `missing`, the others, which are held against nothing;
    `hashes`, the distinct 64-bit hashes of the combinations, sorted and packed as text. Two combinations share a hash
    by chance in one of 4 million tables of 3 million rows. Memory is 8 bytes a distinct combination. A model keeps the
    counts alone, `distinct` among them.
    """

    kind: ClassVar[str] = "repeats"

    def empty(self) -> State:
        return {"count": 0, "missing": 0, "hashes": ""}

    def merge_ungrouped(self, a: State, b: State) -> State:
        hashes = np.union1d(unpacked(a["hashes"], np.uint64), unpacked(b["hashes"], np.uint64))
        is_part = any(isinstance(one["hashes"], np.ndarray) for one in (a, b))
        counts = {name: a[name] + b[name] for name in ("count", "missing")}
        return {**counts, "hashes": hashes if is_part else packed(hashes)}

    def finish_ungrouped(self, part: State) -> State:
        return {**part, "hashes": packed(unpacked(part["hashes"], np.uint64))}

    def brief_ungrouped(self, state: State) -> State:
        return {"count": state["count"], "missing": state["missing"], "distinct": distinct(state)}


def distinct(state: State) -> int:
    """The number of distinct combinations."""
    return len(unpacked(state["hashes"], np.uint64))
