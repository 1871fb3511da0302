"""Chunks: the rows of some micro-batches at once, so that what is done for each chunk costs little a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.readers.augment.columns import PARTNER, Partners
from genspark.readers.batches import Format, Part
from genspark.readers.dense import Gathering, Values
from genspark.readers.mixing import MixedOrder
from genspark.readers.order import Integers, Order, Rows
from genspark.readers.resident import Resident
from genspark.readers.share import Share

MOST_ROWS, MOST_BYTES = 4096, 8 << 20


@dataclass(frozen=True)
class Filled:
    """The columns of a chunk: the rows of its items one after the other, those of item i from `edges[i]` on."""

    items: Sequence[int]
    edges: Sequence[int]
    columns: Mapping[str, Values] | pa.Table
    is_valid: npt.NDArray[np.bool_]

    def parts(self) -> Iterator[tuple[int, Part]]:
        """Each item with its rows, without a copy."""
        for item, (start, end) in zip(self.items, pairwise(self.edges), strict=True):
            if isinstance(self.columns, Mapping):
                columns: Any = {name: values[start:end] for name, values in self.columns.items()}
            else:
                columns = self.columns.slice(start, end - start)
            yield item, Part(columns, self.is_valid[start:end])


@dataclass(frozen=True)
class Chunk:
    """The rows that some items want, one after the other: item i is micro-batch i % n of step i // n, of n a step."""

    items: Sequence[int]
    edges: Sequence[int]
    rows: Rows

    @cached_property
    def groups(self) -> list[int]:
        """The row groups that hold them."""
        return [int(number) for number in np.unique(self.rows.groups)]

    def filled(
        self, resident: Resident, names: Sequence[str], kind: Format, partners: Partners | None = None
    ) -> Filled:
        """The rows themselves, and with `partners` those that they are mixed with."""
        columns = self._arrays(resident, names, partners) if kind == "numpy" else self._table(resident, names)
        return Filled(self.items, self.edges, columns, self.rows.is_valid)

    def _arrays(self, resident: Resident, names: Sequence[str], partners: Partners | None) -> dict[str, Values]:
        found = {name: Gathering(self.rows.groups.size) for name in names}
        of_partners = partners.columns if partners else ()
        found |= {name + PARTNER: Gathering(self.rows.groups.size) for name in of_partners}
        for number, places, into in self._by_group():
            group = resident.get(number)
            for name in names:
                found[name].add(group.column(name), places, into)
            if partners:
                ids = group.column(partners.row_id)
                others = partners.places(ids[places], places, len(ids))
                for name in of_partners:
                    found[name + PARTNER].add(group.column(name), others, into)
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
        groups, places = self.rows.groups, self.rows.places
        order = np.argsort(groups, kind="stable")
        edges = np.flatnonzero(np.diff(groups[order], prepend=-1, append=-1))
        for start, end in pairwise(edges):
            into = order[start:end]
            yield int(groups[into[0]]), places[into], into


def items_of_chunk(bytes_a_row: float, width: int) -> int:
    """The items of a chunk, if each has so many rows."""
    rows = min(MOST_ROWS, MOST_BYTES / max(1.0, bytes_a_row))
    return max(1, int(rows // max(1, width)))


def chunks_of(order: Order | MixedOrder, share: Share, epoch: int, items: Sequence[int], most: int) -> Iterator[Chunk]:
    """The chunks of some items: one item first, which does not wait for others, and then up to so many.

    A slot for which no row is left has that of the step before.
    """
    first, now = 0, 1
    while first < len(items):
        here = items[first : first + now]
        slots = [share.micro_batches[item % share.accumulation] for item in here]
        lengths = [len(of_item) for of_item in slots]
        steps = np.repeat([item // share.accumulation for item in here], lengths)
        rows = order.rows_of(epoch, steps, np.concatenate(slots))
        if not rows.is_valid.all():
            before = order.fillers_of(epoch, steps, np.concatenate(slots))
            groups = np.where(rows.is_valid, rows.groups, before.groups)
            rows = Rows(groups, np.where(rows.is_valid, rows.places, before.places), rows.is_valid)
        yield Chunk(here, [0, *np.cumsum(lengths).tolist()], rows)
        first, now = first + now, min(2 * now, most)
