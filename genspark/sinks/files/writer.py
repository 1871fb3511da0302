"""The files of a table from streamed rows: rows wait in piles, one for each partition, and are written in order."""

from __future__ import annotations

import contextlib
import math
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from genspark.columns.hashing import ORDER
from genspark.engines.polars.meter import METER
from genspark.errors import SinkError
from genspark.sinks.files.encoder import NO_ROWS, Encoder, Sample
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.order import FileOrder
from genspark.sinks.files.piles import Pile
from genspark.sinks.files.written import WrittenFile, as_text
from genspark.storage.files import storage_path
from genspark.storage.hive import folders
from genspark.storage.scratch import scratch_folder

_BATCH = 32 << 20
"""Bytes of rows that are dealt out to their piles at a time."""
_AT_ONCE = 2
"""Files that are encoded at a time, while the next one's rows are put in order."""


def write_files(
    frame: pl.LazyFrame, folder: str, layout: Layout, task: int = 0, see: Callable[[pl.DataFrame], None] | None = None
) -> list[WrittenFile]:
    """Write the rows of a frame in one streaming pass, each file under a name of its own.

    Rows wait in memory, and beyond `layout.memory` on disk, until there are enough for a file; each file's are in
    order. Names sort in the order in which a partition's files are written. `see` is shown each batch.
    Raises OSError, and SinkError for too many partitions.
    """
    with contextlib.ExitStack() as stack:
        writer = Writer(Encoder(storage_path(folder), layout), task, stack)
        held: list[pl.DataFrame] = []
        size = 0
        for batch in frame.collect_batches(engine="streaming", maintain_order=False):
            if see:
                see(batch)
            held.append(batch)
            size += int(batch.estimated_size())
            if size >= _BATCH:
                writer.add(pl.concat(held))
                held, size = [], 0
        if held:
            writer.add(pl.concat(held))
        return writer.finish()


@dataclass
class Writer:
    """Piles rows up and writes them to files, within the memory of the encoder's layout.

    `stack` closes what is opened for that. `task` is part of the files' names.
    """

    encoder: Encoder
    task: int
    stack: contextlib.ExitStack
    _piles: dict[tuple[Any, ...], Pile] = field(default_factory=dict)
    _held: int = 0
    _sample: Sample = NO_ROWS
    _scratch: Path | None = None
    _runs: int = 0
    _pool: ThreadPoolExecutor = field(init=False)
    _pending: deque[Future[WrittenFile]] = field(default_factory=deque)
    _files: list[WrittenFile] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pool = self.stack.enter_context(ThreadPoolExecutor(_AT_ONCE))

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows in any order. Raises SinkError for too many partitions, and OSError."""
        if not rows.height:
            return
        METER.add(kept=rows.height)
        layout = self.encoder.layout
        if self._sample is NO_ROWS:
            self._sample = Sample.of(rows.drop(ORDER, *layout.partition_by, strict=False), self.encoder)
        for values, some in _dealt(rows, layout.partition_by):
            self._held += self._piles.setdefault(values, Pile()).add(some)
        if len(self._piles) > layout.most_partitions:
            raise SinkError(
                f"sink.partition_by: {', '.join(layout.partition_by)} has more than {layout.most_partitions:,} values, "
                "and each takes files of its own; choose columns of few values, or raise sink.max_partitions"
            )
        if self._held > layout.memory:
            self._make_room()

    def finish(self) -> list[WrittenFile]:
        """Write what waits, and return all files, by path."""
        for values, pile in self._piles.items():
            self._write(values, pile.pieces(self._count(pile)))
        while self._pending:
            self._files.append(self._pending.popleft().result())
        return sorted(self._files, key=lambda file: file.path)

    def _make_room(self) -> None:
        """Write full files where it is known already what they hold, then put the largest piles on disk."""
        layout = self.encoder.layout
        if not layout.is_global and not layout.files_per_partition:
            for values, pile in self._piles.items():
                full, before = self._full_files(pile), pile.bytes_held
                self._write(values, (pile.take(before // (full + 1)) for _ in range(full)))
                self._held -= before - pile.bytes_held
        for pile in sorted(self._piles.values(), key=lambda pile: -pile.bytes_held):
            if self._held <= layout.memory // 2:
                return
            self._scratch = self._scratch or self.stack.enter_context(scratch_folder())
            self._held -= pile.bytes_held
            pile.spill(self._scratch / f"{self._runs}.arrow")
            self._runs += 1

    def _full_files(self, pile: Pile) -> int:
        """The files that the rows in memory fill, but for one: what is left over will be no small file."""
        stored = pile.bytes_held * self._sample.stored / self._sample.in_memory
        return max(0, int(stored / self.encoder.layout.file_bytes) - 1)

    def _count(self, pile: Pile) -> int:
        """The files of a pile to which no more rows come."""
        layout = self.encoder.layout
        if layout.files_per_partition:
            return min(layout.files_per_partition, pile.rows)
        by_size = round(pile.rows * self._sample.stored / layout.file_bytes)
        by_rows = math.ceil(pile.rows / layout.rows_per_file) if layout.rows_per_file else 1
        return max(1, by_size, by_rows)

    def _write(self, values: tuple[Any, ...], pieces: Iterable[pl.DataFrame]) -> None:
        """Encode each piece to a file, in other threads, while the next is put in order."""
        layout = self.encoder.layout
        partition = dict(zip(layout.partition_by, map(as_text, values), strict=True))
        for piece in pieces:
            if not piece.height:
                continue
            while len(self._pending) >= _AT_ONCE:
                self._files.append(self._pending.popleft().result())
            number = len(self._files) + len(self._pending)
            path = folders(partition) + file_name(layout, self.task, number)
            self._pending.append(self._pool.submit(self._encoded, piece, path, partition))

    def _encoded(self, piece: pl.DataFrame, path: str, partition: dict[str, str | None]) -> WrittenFile:
        rows = piece if self.encoder.layout.keeps_order else piece.drop(ORDER, strict=False)
        file = self.encoder.write(rows, path, partition, self._sample)
        return replace(file, order=FileOrder.of(piece[ORDER].to_numpy())) if ORDER in piece.columns else file


def file_name(layout: Layout, task: int, number: int) -> str:
    """A new name for a task's file of this number; names sort by both."""
    return f"part-{task:05d}-{layout.run_id}-{number:05d}-{uuid.uuid4().hex[:12]}{layout.suffix}"


def _dealt(rows: pl.DataFrame, by: tuple[str, ...]) -> Iterable[tuple[tuple[Any, ...], pl.DataFrame]]:
    """The rows of each value of the partition columns, without these."""
    return rows.partition_by(by, as_dict=True, include_key=False).items() if by else [((), rows)]
