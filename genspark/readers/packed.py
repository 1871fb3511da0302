"""A reader of packed sequences: one rank's share of each global batch, from any place of any epoch on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa

from genspark.errors import ConfigError, SchemaError, SourceError, did_you_mean
from genspark.readers.groups import Counts, Groups
from genspark.readers.order import WINDOW, Integers, Order, Shuffle
from genspark.readers.packing import Batch, Line, Packing, lengths_of
from genspark.readers.plan import Plan
from genspark.readers.reader import MEMORY, THREADS
from genspark.readers.resident import Resident
from genspark.readers.share import Share
from genspark.readers.state import Identity, Place, Position

AHEAD = 2
"""Batches whose row groups are read before they are needed."""


@dataclass(frozen=True)
class Asked:
    """What a packed reader is asked for, beside the plan; see `TrainingTable.packed`."""

    column: str
    length: int
    share: Share
    seed: int = 0
    shuffle: Shuffle = "blocks"
    window: int = WINDOW
    threads: int = THREADS
    memory: int = MEMORY


@dataclass
class PackedReader(Place):
    """Iterates over a rank's batches of sequences, as dictionaries of NumPy arrays.

    It is a place in the data, as a `Reader` is: iterating goes on from it to the end of its epoch, and leaves it at the
    next one. `counts` tells what was read, the lengths among it.
    """

    plan: Plan
    asked: Asked
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        asked, types = self.asked, {column.name: column.type for column in self.plan.columns}
        if asked.column not in types:
            told = did_you_mean(asked.column, types)
            raise SchemaError([f"column: {asked.column!r} is no column of {self.plan.path}{told}"])
        kind = types[asked.column]
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_integer(kind.value_type):
            raise SchemaError([f"column: {asked.column!r} is {kind}; lists of whole numbers are packed"])
        if asked.length < 1:
            raise ConfigError(f"length: {asked.length} is no number of tokens; give 1 or more")
        column = tuple(one for one in self.plan.columns if one.name == asked.column)
        self._alone = replace(self.plan.bare, columns=column, partition_by=(), constants=((),) * len(self.plan.files))
        self._packing = Packing(asked.length, asked.share.batch)
        (self._slots,) = asked.share.micro_batches
        if not self.line(0).tokens:
            raise SourceError(f"{self.plan.path}: {asked.column!r} has no tokens to read")

    @cached_property
    def _lengths(self) -> tuple[Integers, ...]:
        return lengths_of(self._alone, self.asked.column, self.counts)

    @cached_property
    def _lines(self) -> dict[int, Line]:
        return {}

    def line(self, epoch: int) -> Line:
        """The documents of an epoch, end to end."""
        if epoch not in self._lines:
            asked = self.asked
            lanes = max(1, min(asked.window, self.plan.total))
            order = Order(self.plan.rows, lanes, asked.seed, asked.shuffle, asked.window)
            self._lines.clear()
            self._lines[epoch] = Line.of(order, epoch, self._lengths)
        return self._lines[epoch]

    @property
    def steps(self) -> int:
        """The global batches of an epoch, the same of every epoch and on every rank."""
        return -(-self._packing.sequences(self.line(self._position.epoch)) // self._packing.batch)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        epoch, asked = self._position.epoch, self.asked
        line, steps = self.line(epoch), self.steps
        pool = ThreadPoolExecutor(asked.threads) if asked.threads else None
        spare = asked.memory if asked.shuffle == "full" else 0
        try:
            with closing(Resident(Groups(self._alone, self.counts), pool, spare)) as resident:
                for step in range(self._position.step, steps):
                    near = range(step, min(step + (1 if asked.shuffle == "full" else AHEAD), steps))
                    resident.expect(n for one in near for n in self._packing.wanted(line, one, self._slots))
                    batch = self._packing.filled(line, step, self._slots, resident, asked.column)
                    self._position = Position(epoch, step + 1) if step + 1 < steps else Position(epoch + 1, 0)
                    yield batch
        finally:
            if pool:
                pool.shutdown(wait=True, cancel_futures=True)

    @property
    def identity(self) -> Identity:
        asked = self.asked
        order = f"packed {asked.column} {asked.length} {asked.share.batch} {asked.seed} {asked.shuffle} {asked.window}"
        digest = hashlib.sha256(f"{self.plan.fingerprint} {order}".encode()).hexdigest()
        return Identity(self.plan.table[:36], self.plan.version, digest[:16])
