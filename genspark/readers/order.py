"""The order of an epoch as a pure function: which row of which row group stands at each place of each global batch.

An epoch is cut into steps of one global batch each, and a batch into slots. The slots of a rank are neighbours, so that
how many ranks there are changes who reads a row, and never which rows make a batch.

In a block shuffle the row groups of an epoch are laid end to end in a random sequence, and the sequence is cut into as
many equal lanes as groups are to be open at a time. Each batch takes a few rows of every lane: lane 0 fills the first
slots, and so on. So a rank whose slots are those of whole lanes reads a stretch of the sequence, and of all row groups
only those at its two ends are read by another rank, too. Every second lane is read backwards: a group that a cut goes
through is then wanted by both of its lanes at the same time.

                    0        1         2         3          lanes of the sequence of groups
    groups    [ g5 | g1 | g7 | g0 | g6 | g2 | g4 | g3 ]
    reading    ----->   <-----    ----->   <-----
    batch 0    first    last      first    last             of each lane's rows, 1/4 of the batch each
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genspark.columns.hashing import draw_seed, hash_integers

Integers = npt.NDArray[np.int64]
Unsigned = npt.NDArray[np.uint64]
Shuffle = Literal["blocks", "full", "sequential"]
WINDOW = 16
"""Row groups that a block shuffle mixes."""

_ROUNDS = 8


@dataclass(frozen=True)
class Rows:
    """Rows by their group and their place in it; `is_valid` is False where none is left for a batch."""

    groups: Integers
    places: Integers
    is_valid: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Order:
    """The order of a table whose row groups have so many rows each: `rows_of(epoch, steps, slots)`.

    `batch` is the number of rows of a global batch. An epoch has `full_steps` of these, and one more with the `rest`
    where that is not 0.
    """

    rows: Integers = field(repr=False)
    batch: int
    seed: int = 0
    shuffle: Shuffle = "blocks"
    window: int = WINDOW

    @cached_property
    def total(self) -> int:
        """The rows of an epoch."""
        return int(self.rows.sum())

    @property
    def full_steps(self) -> int:
        """The batches of an epoch that are full."""
        return self.total // self.batch

    @property
    def rest(self) -> int:
        """The rows that full batches leave."""
        return self.total % self.batch

    def rows_of(self, epoch: int, steps: Integers, slots: Integers) -> Rows:
        """The rows of an epoch at some steps and slots, two arrays of one shape or of shapes that broadcast."""
        steps, slots = np.broadcast_arrays(steps, slots)
        at, is_valid = self._of_blocks(steps, slots) if self.shuffle == "blocks" else self._of_line(steps, slots)
        at = np.where(is_valid, at, 0)
        if self.shuffle == "full":
            size = np.full(at.shape, self.total)
            at = permuted(at, size, np.full(at.shape, draw_seed(self.seed, f"rows of epoch {epoch}"), np.uint64))
        sequence, starts = self._sequence(epoch)
        nth = np.searchsorted(starts, at, side="right") - 1
        groups, places = sequence[nth], at - starts[nth]
        if self.shuffle == "blocks":
            keys = hash_integers(groups, draw_seed(self.seed, f"places of epoch {epoch}"))
            places = permuted(places, self.rows[groups], keys)
        return Rows(groups, places, is_valid)

    def fillers_of(self, epoch: int, steps: Integers, slots: Integers) -> Rows:
        """Rows for slots that have none: those of the last full step."""
        return self.rows_of(epoch, np.minimum(steps, self.full_steps - 1), slots)

    def groups_of(self, epoch: int) -> Integers:
        """The row groups in the sequence in which an epoch lays them end to end."""
        return self._sequence(epoch)[0]

    def row_at(self, number: Integers) -> Rows:
        """The rows by their number in the table."""
        starts = np.cumsum(self.rows) - self.rows
        groups = np.searchsorted(starts, number, side="right") - 1
        return Rows(groups, number - starts[groups], np.ones(number.shape, bool))

    def _of_line(self, steps: Any, slots: Any) -> tuple[Any, Any]:
        """Places in the sequence where batches follow each other; the rest is spread over the last one's slots."""
        nth = slots * self.rest // self.batch
        has_one = (slots + 1) * self.rest // self.batch > nth
        is_full = steps < self.full_steps
        return steps * self.batch + np.where(is_full, slots, nth), is_full | ((steps == self.full_steps) & has_one)

    def _of_blocks(self, steps: Any, slots: Any) -> tuple[Any, Any]:
        """Places in the sequence where each batch takes a few rows of every lane."""
        first_slots, ends = self._lanes
        lane = np.searchsorted(first_slots, slots, side="right") - 1
        width = first_slots[lane + 1] - first_slots[lane]
        nth = steps * width + slots - first_slots[lane]
        backwards = lane % 2 == 1
        at = np.where(backwards, ends[lane + 1] - 1 - nth, ends[lane] + nth)
        return at, (steps <= self.full_steps) & (nth < ends[lane + 1] - ends[lane])

    @cached_property
    def _lanes(self) -> tuple[Integers, Integers]:
        """The first slot of each lane in a batch and its first row in the sequence, each with the end of all."""
        lanes = min(self.window, self.batch)
        first_slots = np.array([lane * self.batch // lanes for lane in range(lanes + 1)])
        # Slots of a batch have equal shares of the rows but for one, so that full batches are full in every lane.
        ends = np.array([int(slot) * self.total // self.batch for slot in first_slots])
        return first_slots, ends

    def _sequence(self, epoch: int) -> tuple[Integers, Integers]:
        """The groups of an epoch in sequence, and the place of each one's first row."""
        kept = self._sequences
        if epoch not in kept:
            kept.clear()
            order = np.arange(len(self.rows))
            if self.shuffle == "blocks":
                hashes = hash_integers(order, draw_seed(self.seed, f"groups of epoch {epoch}"))
                order = np.argsort(hashes, kind="stable")
            # Without empty groups, of which no row could be found.
            order = order[self.rows[order] > 0]
            rows = self.rows[order]
            kept[epoch] = order, np.cumsum(rows) - rows
        return kept[epoch]

    @cached_property
    def _sequences(self) -> dict[int, tuple[Integers, Integers]]:
        return {}


def permuted(index: Integers, size: Integers, key: Unsigned) -> Integers:
    """Where a permutation of `size` things puts each of them; the key chooses the permutation.

    A Feistel network over the next power of two, whose two halves may differ by a bit, walked until it is inside the
    size: a permutation of any size takes no memory. Source: J. Black, P. Rogaway, "Ciphers with arbitrary domains".
    """
    # The exponent of a double is the number of bits of a whole number that it has exactly.
    bits = np.frexp(size.ravel() - 1.0)[1].astype(np.uint64)
    found, keys, limit = index.astype(np.uint64).ravel(), key.ravel(), size.astype(np.uint64).ravel()
    walking = np.arange(found.size)
    while walking.size:
        found[walking] = walked = _enciphered(found[walking], bits[walking], keys[walking])
        walking = walking[walked >= limit[walking]]
    return found.astype(np.int64).reshape(index.shape)


def _enciphered(values: Unsigned, bits: Unsigned, keys: Unsigned) -> Unsigned:
    """Each value of so many bits as another one of these, by the rounds of a Feistel network."""
    one = np.uint64(1)
    high = bits >> one
    low = bits - high
    high_mask, low_mask = (one << high) - one, (one << low) - one
    left, right = values >> low, values & low_mask
    for number in range(0, _ROUNDS, 2):
        left ^= _mixed(right, keys, number) & high_mask
        right ^= _mixed(left, keys, number + 1) & low_mask
    return (left << low) | right


def _mixed(values: Unsigned, keys: Unsigned, number: int) -> Unsigned:
    """The upper bits of a multiplicative hash of each value under its key and a round's number."""
    mixed = (values ^ keys) + np.uint64(number * 0x9E3779B97F4A7C15 % 2**64)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed >> np.uint64(32)
