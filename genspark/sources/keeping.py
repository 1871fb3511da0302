"""Rows of shards in Arrow files, kept between the passes of a job."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from genspark.storage.scratch import free_bytes

_COMPRESSION = "lz4"
_LEVEL = pl.CompatLevel.newest()


@dataclass(frozen=True)
class Part:
    """An Arrow file with some rows of a shard, all of one schema, and how many."""

    file: str
    schema: Mapping[str, pl.DataType]
    rows: int = 0

    def fits(self, schema: Mapping[str, pl.DataType]) -> bool:
        """Whether casting these rows to the schema gives what reading the shard with it gives."""
        return all(name not in schema or _same_when_cast(dtype, schema[name]) for name, dtype in self.schema.items())


Kept = Mapping[str, tuple[Part, ...]]
"""The parts of each shard, by its path."""


@dataclass
class Keeper:
    """Writes frames to Arrow files in a folder, which begin with `name`, for each shard its own.

    It stops for good, and removes what it wrote, where the files would take more than half of the space that is free.
    Threads may use it at the same time, each for shards of its own.
    """

    folder: str
    name: str
    is_full: bool = False
    _room: int = 0
    _taken: list[int] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)
    _parts: dict[str, list[Part]] = field(default_factory=dict)
    _open: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._room = free_bytes(Path(self.folder)) // 2

    def add(self, shard: str, frame: pl.DataFrame) -> None:
        """Write more rows of the shard at this path: to a new file where their schema is another than before."""
        if self.is_full or not frame.height:
            return
        schema = dict(frame.schema)
        try:
            parts = self._parts.setdefault(shard, [])
            if not parts or parts[-1].schema != schema:
                self._begin(shard, schema)
            parts[-1] = replace(parts[-1], rows=parts[-1].rows + frame.height)
            sink, writer = self._open[shard]
            before = sink.tell()
            writer.write_table(frame.to_arrow(compat_level=_LEVEL))
            self._taken.append(sink.tell() - before)
        except (OSError, ValueError, KeyError) as error:
            if self.is_full:
                # Another thread has given up meanwhile, and closed what this one writes to.
                return
            if not isinstance(error, OSError) or error.errno != errno.ENOSPC:
                raise
            self._taken.append(self._room + 1)
        if sum(self._taken) > self._room:
            self._give_up()

    def finish(self, shard: str) -> None:
        """Close the last file of a shard; nothing where it has none."""
        sink, writer = self._open.pop(shard, (None, None))
        if writer is not None:
            writer.close()
            sink.close()

    def kept(self) -> Kept:
        """Close all files and return the parts of each shard; none if the disk was too full."""
        for shard in list(self._open):
            self.finish(shard)
        return {} if self.is_full else {shard: tuple(parts) for shard, parts in self._parts.items()}

    def _begin(self, shard: str, schema: Mapping[str, pl.DataType]) -> None:
        self.finish(shard)
        part = Part(f"{self.folder}/{self.name}-{next(self._numbers):06d}.arrow", schema)
        self._parts[shard].append(part)
        sink = pa.OSFile(part.file, "wb")
        arrow = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=_LEVEL).schema
        options = pa.ipc.IpcWriteOptions(compression=_COMPRESSION)
        self._open[shard] = (sink, pa.ipc.new_file(sink, arrow, options=options))

    def _give_up(self) -> None:
        self.is_full = True
        for shard in list(self._open):
            self.finish(shard)
        for part in itertools.chain(*self._parts.values()):
            Path(part.file).unlink(missing_ok=True)


def remove(parts: tuple[Part, ...]) -> None:
    """Delete the files of a shard."""
    for part in parts:
        Path(part.file).unlink(missing_ok=True)


def _same_when_cast(own: pl.DataType, wanted: pl.DataType) -> bool:
    # A column is text so far, and then of another type, only where all of it so far is null.
    return own == wanted or own == pl.String() or (own == pl.Int32() and wanted == pl.Int64())
