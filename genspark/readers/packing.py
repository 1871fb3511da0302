"""Documents packed into sequences: an epoch as one line of tokens, cut every `length` of them.

    documents in the epoch's order   | d7    | d2 | d9          | d4  | ...
    sequences of `length` tokens     |     0     |     1     |     2     |
    segments of sequence 1                        1 1 2 2 2 2

Which tokens make a sequence follows from the lengths of the documents and the epoch's order alone: it is arithmetic,
the same on every rank, and a place is an epoch and a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.readers.groups import Counts, Groups
from genspark.readers.order import Integers, Order
from genspark.readers.plan import Plan
from genspark.readers.resident import Resident

Batch = dict[str, npt.NDArray[Any]]


def lengths_of(plan: Plan, column: str, counts: Counts) -> tuple[Integers, ...]:
    """The lengths of the lists of a column, a row group at a time; null has none. The column is read for it."""
    import pyarrow.compute as pc

    groups = Groups(plan, counts)
    arrays = (groups.read(number).arrow[column] for number in range(len(plan.rows)))
    return tuple(pc.list_value_length(array).fill_null(0).to_numpy().astype(np.int64) for array in arrays)


@dataclass(frozen=True)
class Line:
    """The documents of an epoch end to end: the row group and place of each, and where it starts; and all tokens."""

    groups: Integers
    places: Integers
    starts: Integers
    tokens: int

    @classmethod
    def of(cls, order: Order, epoch: int, lengths: Sequence[Integers]) -> Line:
        """The line of an epoch; documents without tokens are not in it."""
        steps = np.arange(order.full_steps + (order.rest > 0))
        rows = order.rows_of(epoch, steps[:, None], np.arange(order.batch)[None, :])
        groups, places = rows.groups[rows.is_valid], rows.places[rows.is_valid]
        before = np.cumsum([0, *(len(one) for one in lengths)])
        sizes = np.concatenate(lengths)[before[groups] + places]
        has_some = sizes > 0
        ends = np.cumsum(sizes[has_some])
        return cls(groups[has_some], places[has_some], ends - sizes[has_some], int(ends[-1]) if len(ends) else 0)

    def between(self, first: int, end: int) -> slice:
        """The documents that have some of the tokens from `first` to `end`."""
        begin = int(np.searchsorted(self.starts, first, side="right")) - 1
        return slice(max(begin, 0), int(np.searchsorted(self.starts, end, side="left")))


@dataclass(frozen=True)
class Packing:
    """How a line is cut: `length` tokens a sequence, `batch` sequences a step."""

    length: int
    batch: int

    def sequences(self, line: Line) -> int:
        """The sequences of an epoch, the last of which may not be full."""
        return -(-line.tokens // self.length)

    def stretch(self, line: Line, step: int, slots: Integers) -> tuple[int, int]:
        """The first token of some neighbouring slots of a step, and the end of them."""
        first = (step * self.batch + int(slots[0])) * self.length
        return min(first, line.tokens), min(first + len(slots) * self.length, line.tokens)

    def wanted(self, line: Line, step: int, slots: Integers) -> list[int]:
        """The row groups that they need."""
        return [int(number) for number in np.unique(line.groups[line.between(*self.stretch(line, step, slots))])]

    def filled(self, line: Line, step: int, slots: Integers, resident: Resident, column: str) -> Batch:
        """The sequences of some neighbouring slots of a step.

        `tokens`, 0 where none is left; `segments`, which document of the sequence, from 1 on, 0 where there is
        none; `positions`, the place in that piece of the document; `_mask`, whether the sequence has any token.
        """
        first, end = self.stretch(line, step, slots)
        tokens: npt.NDArray[Any] = np.zeros(len(slots) * self.length, np.int64)
        documents, starts = np.zeros(len(tokens), np.int64), np.zeros(len(tokens), np.int64)
        here = line.between(first, end)
        for nth, values, start in _pieces(line, here, resident, column):
            low, high = max(first, start), min(end, start + len(values))
            if tokens.dtype != values.dtype and not tokens.any():
                tokens = tokens.astype(values.dtype)
            into = slice(low - first, high - first)
            tokens[into] = values[low - start : high - start]
            documents[into], starts[into] = nth + 1, low - first
        shape = (len(slots), self.length)
        at, of = np.arange(len(tokens)).reshape(shape), documents.reshape(shape)
        is_there = of > 0
        # A document goes on in the next sequence as one that begins there.
        begins = np.maximum(starts.reshape(shape), at[:, :1])
        return {
            "tokens": tokens.reshape(shape),
            "segments": np.where(is_there, of - of[:, :1] + 1, 0).astype(np.int32),
            "positions": np.where(is_there, at - begins, 0).astype(np.int32),
            "_mask": is_there[:, 0],
        }


def _pieces(line: Line, here: slice, resident: Resident, column: str) -> Iterator[tuple[int, npt.NDArray[Any], int]]:
    """The documents of a stretch: the number in the stretch, the tokens, and where they start in the line."""
    groups, places, starts = line.groups[here], line.places[here], line.starts[here]
    for number in np.unique(groups):
        nth = np.flatnonzero(groups == number)
        lists = resident.get(int(number)).arrow[column].take(pa.array(places[nth]))
        values, edges = lists.flatten().to_numpy(), np.cumsum([0, *lists.value_lengths().to_pylist()])
        for at, begin, end in zip(nth.tolist(), edges[:-1], edges[1:], strict=True):
            yield at, values[begin:end], int(starts[at])
