"""Chunks: the rows of some steps at once, so that what is done for each chunk costs little a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.readers.batches import Format, Part
from genspark.readers.dense import Gathering, Values
from genspark.readers.order import Integers, Order, Rows
from genspark.readers.resident import Resident

MOST_ROWS, MOST_BYTES = 4096, 8 << 20


@dataclass(frozen=True)
class Filled:
    """The columns of a chunk: `width` rows for each step, one after the other."""

    steps: Sequence[int]
    width: int
    columns: Mapping[str, Values] | pa.Table
    is_valid: npt.NDArray[np.bool_]

    def part(self, number: int, piece: slice) -> Part:
        """Some of the rows of one step, without a copy."""
        start, end = number * self.width + piece.start, number * self.width + piece.stop
        if isinstance(self.columns, Mapping):
            return Part({name: values[start:end] for name, values in self.columns.items()}, self.is_valid[start:end])
        return Part(self.columns.slice(start, end - start), self.is_valid[start:end])


@dataclass(frozen=True)
class Chunk:
    """The rows, steps x slots, that some steps want of a rank's slots."""

    steps: Sequence[int]
    rows: Rows

    @cached_property
    def groups(self) -> list[int]:
        """The row groups that hold them."""
        return [int(number) for number in np.unique(self.rows.groups)]

    def filled(self, resident: Resident, names: Sequence[str], kind: Format) -> Filled:
        """The rows themselves."""
        columns = self._arrays(resident, names) if kind == "numpy" else self._table(resident, names)
        return Filled(self.steps, self.rows.groups.shape[1], columns, self.rows.is_valid.ravel())

    def _arrays(self, resident: Resident, names: Sequence[str]) -> dict[str, Values]:
        found = {name: Gathering(self.rows.groups.size) for name in names}
        for number, places, into in self._by_group():
            group = resident.get(number)
            for name, gathering in found.items():
                gathering.add(group.column(name), places, into)
        return {name: gathering.values for name, gathering in found.items()}

    def _table(self, resident: Resident, names: Sequence[str]) -> pa.Table:
        pieces, order = [], []
        for number, places, into in self._by_group():
            columns = resident.get(number).arrow
            pieces.append(pa.table({name: columns[name].take(pa.array(places)) for name in names}))
            order.append(into)
        place = np.empty(self.rows.groups.size, np.int64)
        place[np.concatenate(order)] = np.arange(place.size)
        return pa.concat_tables(pieces).take(pa.array(place)).combine_chunks()

    def _by_group(self) -> Iterator[tuple[int, Integers, Integers]]:
        """(group, places of its rows, where they belong in the chunk)."""
        groups, places = self.rows.groups.ravel(), self.rows.places.ravel()
        order = np.argsort(groups, kind="stable")
        edges = np.flatnonzero(np.diff(groups[order], prepend=-1, append=-1))
        for start, end in pairwise(edges):
            into = order[start:end]
            yield int(groups[into[0]]), places[into], into


def chunk_rows(bytes_a_row: float, width: int) -> int:
    """The steps of a chunk, if each has so many rows."""
    rows = min(MOST_ROWS, MOST_BYTES / max(1.0, bytes_a_row))
    return max(1, int(rows // max(1, width)))


def chunks_of(order: Order, epoch: int, steps: Sequence[int], slots: Integers, size: int) -> Iterator[Chunk]:
    """The chunks of some steps: one step first, which does not wait for others, and then up to so many.

    A slot for which no row is left has that of the step before.
    """
    first, now = 0, 1
    while first < len(steps):
        here = np.array(steps[first : first + now])
        rows = order.rows_of(epoch, here, slots)
        if not rows.is_valid.all():
            before = order.rows_of(epoch, np.minimum(here, order.full_steps - 1), slots)
            groups = np.where(rows.is_valid, rows.groups, before.groups)
            rows = Rows(groups, np.where(rows.is_valid, rows.places, before.places), rows.is_valid)
        yield Chunk(steps[first : first + now], rows)
        first, now = first + now, min(2 * now, size)
