"""`Ordered`: whether one column rises or falls along another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from genspark.statistics.base import State, Statistic
from genspark.statistics.packed import packed, unpacked

Triples = npt.NDArray[np.int64]
"""A row for each row: the hash of its series, its place and its value, as integers that compare as these do."""


@dataclass(frozen=True)
class Ordered(Statistic):
    """The values of a column along another: `columns` are the value, the place and, if any, those that name a series.

    State: `count`, the rows that have value and place; `missing`, the others, which break no order; `triples`, the
    sorted triples of series, place and value, packed as text. Memory is 24 bytes a row, since rows of different files
    may lie between each other anywhere. A model keeps the counts alone.
    """

    kind: ClassVar[str] = "ordered"

    def empty(self) -> State:
        return {"count": 0, "missing": 0, "triples": ""}

    def merge_ungrouped(self, a: State, b: State) -> State:
        triples = np.concatenate([_triples(a), _triples(b)])
        is_part = any(isinstance(one["triples"], np.ndarray) for one in (a, b))
        counts = {name: a[name] + b[name] for name in ("count", "missing")}
        return {**counts, "triples": triples if is_part else packed(_in_order(triples))}

    def finish_ungrouped(self, part: State) -> State:
        return {**part, "triples": packed(_in_order(_triples(part)))}

    def brief_ungrouped(self, state: State) -> State:
        return {"count": state["count"], "missing": state["missing"]}


def breaks(state: State, *, is_falling: bool = False, is_strict: bool = False) -> int:
    """The places at which the value falls below that of the place before, or also stays where it is to be strict.

    Rows of one series that share a place have no order between them: the least of a place is held against the greatest
    of the one before.
    """
    series, place, value = _in_order(_triples(state)).T
    if len(series) < 2:
        return 0
    starts = np.flatnonzero(np.r_[True, (np.diff(series) != 0) | (np.diff(place) != 0)])
    least, most = np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts)
    before, after = (~least[:-1], ~most[1:]) if is_falling else (most[:-1], least[1:])
    is_broken = (after <= before) if is_strict else (after < before)
    return int(np.count_nonzero(is_broken & (series[starts][1:] == series[starts][:-1])))


def _triples(state: State) -> Triples:
    return unpacked(state["triples"], np.int64).reshape(-1, 3)


def _in_order(triples: Triples) -> Triples:
    return triples[np.lexsort(triples.T[::-1])]
