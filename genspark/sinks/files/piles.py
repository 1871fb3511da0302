"""Rows that wait to be written, one pile for each partition: in memory while they are few, else on disk."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from genspark.columns.hashing import ORDER

_SPAN = 1 << 64


@dataclass
class Pile:
    """The rows of one partition, in no order. Those on disk are in runs, each sorted by `ORDER`."""

    rows: int = 0
    bytes_held: int = 0
    """Bytes of the rows in memory."""
    _held: list[pl.DataFrame] = field(default_factory=list)
    _runs: list[Path] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether all rows are in memory."""
        return not self._runs

    @property
    def sample(self) -> pl.DataFrame:
        """Some rows, which are in memory."""
        return self._held[0]

    def add(self, rows: pl.DataFrame) -> int:
        """Lay rows on the pile; returns their bytes."""
        size = int(rows.estimated_size())
        self._held.append(rows)
        self.rows += rows.height
        self.bytes_held += size
        return size

    def take(self, size: int) -> pl.DataFrame:
        """Take away rows that are in memory, of about this size, in order."""
        taken, left = [], float(size)
        while left > 0 and self._held:
            rows = self._held.pop()
            bytes_of_rows = int(rows.estimated_size())
            enough = math.ceil(rows.height * min(1.0, left / max(1, bytes_of_rows)))
            taken.append(rows[:enough])
            if enough < rows.height:
                self._held.append(rows[enough:])
            left -= bytes_of_rows * enough / rows.height
        frame = in_order(taken)
        self.rows -= frame.height
        self.bytes_held = max(0, self.bytes_held - int(size - left))
        return frame

    def spill(self, path: Path) -> None:
        """Put the rows that are in memory on disk. Raises OSError."""
        # Of Arrow's older types, which readers map and take as they are.
        in_order(self._held).write_ipc(path, compat_level=pl.CompatLevel.oldest())
        self._runs.append(path)
        self._held, self.bytes_held = [], 0

    def pieces(self, count: int) -> Iterator[pl.DataFrame]:
        """The rows in this many pieces, each in order, and all in order if they have one. The pile is empty then."""
        held, runs = in_order(self._held) if self._held else None, [_mapped(path) for path in self._runs]
        self._held = []
        parts = [*runs, *([held] if held is not None else [])]
        if len(parts) == 1 and not runs:
            yield from _cut(parts[0], count)
        else:
            yield from _between(parts, count)
        for path in self._runs:
            path.unlink()
        self._runs, self.rows, self.bytes_held = [], 0, 0


def in_order(some: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of some frames as one, sorted by `ORDER` if they have it."""
    first = some[0]
    if ORDER not in first.columns:
        return pl.concat(some)
    # NumPy sorts whole numbers by vector instructions, several times as fast.
    places = pl.concat([frame[ORDER] for frame in some], rechunk=True).to_numpy()
    ranks = pl.Series(np.argsort(places).astype(np.uint32))
    # Column by column, so that the memory of one serves the next: fresh memory costs more than the sort.
    columns = (pl.concat([frame[name] for frame in some], rechunk=True).gather(ranks) for name in first.columns)
    return pl.DataFrame(list(columns))


def _cut(rows: pl.DataFrame, count: int) -> Iterator[pl.DataFrame]:
    ends = [rows.height * i // count for i in range(count + 1)]
    for start, end in itertools.pairwise(ends):
        yield rows[start:end]


def _between(parts: Sequence[pl.DataFrame], count: int) -> Iterator[pl.DataFrame]:
    """The rows of sorted parts, cut at values of `ORDER`: of a hash, equal ranges hold equally many rows."""
    if ORDER not in parts[0].columns:
        yield from (piece for part in parts for piece in _cut(part, max(1, round(count / len(parts)))))
        return
    bounds = [_SPAN * i // count - (_SPAN >> 1) for i in range(1, count)]
    cuts = [[0, *np.searchsorted(part[ORDER].to_numpy(), bounds).tolist(), part.height] for part in parts]
    for i in range(count):
        yield in_order([part[cut[i] : cut[i + 1]] for part, cut in zip(parts, cuts, strict=True)])


def _mapped(path: Path) -> pl.DataFrame:
    with pa.memory_map(str(path)) as file:
        return pl.DataFrame(pl.from_arrow(pa.ipc.open_file(file).read_all()))
