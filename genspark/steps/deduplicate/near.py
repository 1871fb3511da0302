"""Which contents are near to each other: candidates from buckets, verified, as connected components.

No pair is held longer than its batch. In a bucket each content is compared with the `NEIGHBOURS` after it and with the
first, so that the pairs grow with the rows and not with their square, however many fall into one bucket.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from genspark.columns.shingles import Sets, similarities
from genspark.statistics.signatures import FIRST, SECOND, SHINGLES
from genspark.steps.deduplicate.components import Components, Nodes

NEIGHBOURS, NEIGHBOURS_OF_IMAGES = 16, 512
PAIRS = 1 << 16
"""Pairs that are verified at a time."""

IsNear = Callable[[Nodes, Nodes], npt.NDArray[np.bool_]]


def near_images(hashes: npt.NDArray[np.uint64], distance: int) -> Nodes:
    """The components of distinct hashes of 64 bits of which neighbours differ in at most `distance` bits.

    Of `distance` + 1 stretches of bits two such hashes agree in at least one (the pigeonhole principle).
    """
    found, edges = Components(len(hashes)), np.linspace(0, 64, distance + 2).astype(int)

    def is_near(a: Nodes, b: Nodes) -> npt.NDArray[np.bool_]:
        return np.asarray(np.bitwise_count(hashes[a] ^ hashes[b]) <= distance)

    for low, high in itertools.pairwise(edges):
        stretch = (hashes >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        _connect(found, stretch, is_near, NEIGHBOURS_OF_IMAGES)
    return found.labels


def near_texts(texts: Texts, bands: Sequence[str], threshold: float) -> Nodes:
    """The components of texts of which neighbours share a band and have at least this Jaccard similarity."""
    found = Components(len(texts))

    def is_near(a: Nodes, b: Nodes) -> npt.NDArray[np.bool_]:
        return np.asarray(similarities(texts.sets(a), texts.sets(b)) >= threshold)

    for band in bands:
        _connect(found, texts.column(band), is_near, NEIGHBOURS)
    return found.labels


def _connect(found: Components, buckets: npt.NDArray[np.uint64], is_near: IsNear, most: int) -> None:
    for a, b in _candidates(buckets, most):
        apart = found.apart(a, b)
        a, b = a[apart], b[apart]
        for start in range(0, len(a), PAIRS):
            one, other = a[start : start + PAIRS], b[start : start + PAIRS]
            near = is_near(one, other)
            found.join(one[near], other[near])


def _candidates(buckets: npt.NDArray[np.uint64], most: int) -> Iterator[tuple[Nodes, Nodes]]:
    """Pairs of nodes that share a bucket."""
    order = np.argsort(buckets, kind="stable")
    ordered = buckets[order]
    here = np.flatnonzero(ordered[1:] == ordered[:-1])
    for step in range(1, most + 1):
        if not len(here):
            return
        yield order[here], order[here + step]
        here = here[here + step + 1 < len(ordered)]
        here = here[ordered[here] == ordered[here + step + 1]]
    # What is further from the first of a long bucket than its neighbours.
    far = here + most + 1
    yield order[np.searchsorted(ordered, ordered[far])], order[far]


class Texts:
    """The distinct texts of some files and frames, in the order of their hashes; shingles are read where they lie."""

    def __init__(self, frames: Sequence[pl.DataFrame | str]) -> None:
        self._tables = [_table(frame) for frame in frames]
        sizes = [len(table) for table in self._tables]
        keys = np.empty(sum(sizes), [("first", np.uint64), ("second", np.uint64)])
        for name, column in (("first", FIRST), ("second", SECOND)):
            keys[name] = np.concatenate([self._numbers(table, column) for table in self._tables] or [keys[name]])
        self._at = _distinct(keys["first"], keys["second"])
        self.first, self.second = keys["first"][self._at], keys["second"][self._at]
        self._ends = np.cumsum(sizes)
        self._lists = [_lists(table) for table in self._tables]

    def __len__(self) -> int:
        return len(self.first)

    def column(self, name: str) -> npt.NDArray[np.uint64]:
        """A column of hashes, text by text."""
        whole = np.concatenate([self._numbers(table, name) for table in self._tables] or [np.zeros(0, np.uint64)])
        return np.asarray(whole[self._at])

    def sets(self, nodes: Nodes) -> Sets:
        """The shingles of some texts."""
        places = self._at[nodes]
        table = np.searchsorted(self._ends, places, side="right")
        sources = np.zeros(len(nodes), np.int64)
        lengths = np.zeros(len(nodes), np.int64)
        for number, (starts, _) in enumerate(self._lists):
            mine = table == number
            row = places[mine] - (self._ends[number] - (len(starts) - 1))
            sources[mine], lengths[mine] = starts[row], starts[row + 1] - starts[row]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        values = np.empty(ends[-1], np.uint32)
        owner = np.repeat(np.arange(len(nodes)), lengths)
        inside = np.arange(ends[-1]) - ends[owner] + sources[owner]
        for number, (_, members) in enumerate(self._lists):
            mine = (table == number)[owner]
            values[mine] = members[inside[mine]]
        return Sets(values, ends)

    @staticmethod
    def _numbers(table: pa.Table, name: str) -> npt.NDArray[np.uint64]:
        return np.asarray(table[name].to_numpy())


def _distinct(first: npt.NDArray[np.uint64], second: npt.NDArray[np.uint64]) -> Nodes:
    """The places of distinct pairs of hashes, in their order."""
    order = np.lexsort((second, first))
    one, other = first[order], second[order]
    is_new = np.append(True, (one[1:] != one[:-1]) | (other[1:] != other[:-1]))[: len(order)]
    return np.asarray(order[is_new])


def _table(frame: pl.DataFrame | str) -> pa.Table:
    if isinstance(frame, str):
        return pa.ipc.open_file(pa.memory_map(frame)).read_all()
    return frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())


def _lists(table: pa.Table) -> tuple[Nodes, npt.NDArray[np.uint32]]:
    """The offsets and values of the lists of shingles."""
    lists = table[SHINGLES].combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    return np.asarray(lists.offsets), np.asarray(lists.values)
