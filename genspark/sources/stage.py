"""A source that is costly to read, kept as Arrow files: unpacked and parsed once, whatever the number of passes."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pyarrow as pa

from genspark.engines.fate import CORRUPT, FILE
from genspark.sources.dataset import Dataset
from genspark.sources.format import Format, Found, Schema, StreamedFormat
from genspark.sources.shard import Shard
from genspark.storage.scratch import free_bytes
from genspark.storage.stores import file_uri

MOST_THREADS = 8
_COMPRESSION = "lz4"


class _FullError(Exception):
    """The staged files would take more than half of what was free on the disk."""


class Staged(Format):
    """Shards of another format, of which Arrow files hold the rows as that format reads them.

    `files` maps the path of each shard that has rows to its Arrow file. It is not registered: no YAML names it.
    """

    def __init__(self, origin: Format, files: Mapping[str, str]) -> None:
        self.origin, self.files = origin, dict(files)

    @property
    def tells_corrupt(self) -> bool:  # type: ignore[override]
        """As the format of the shards."""
        return self.origin.tells_corrupt

    @property
    def is_versioned(self) -> bool:  # type: ignore[override]
        """As the format of the shards."""
        return self.origin.is_versioned

    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        return self.origin.schema(shards, options, given, constants)

    def scan(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], columns: Schema
    ) -> pl.LazyFrame:
        uris = {self.files[shard.path]: file_uri(shard.path) for shard in shards if shard.path in self.files}
        if not uris:
            return pl.LazyFrame(schema=columns)
        if FILE not in columns:
            return pl.scan_ipc(list(uris)).select(list(columns))
        frame = pl.scan_ipc(list(uris), include_file_paths=FILE)
        file = pl.col(FILE).replace_strict(list(uris), list(uris.values()), return_dtype=pl.String())
        return frame.with_columns(file).select(list(columns))

    def read_through(self, shard: Shard, schema: Schema, options: Mapping[str, str]) -> None:
        self.origin.read_through(shard, schema, options)


def staged(dataset: Dataset, files: Mapping[str, str]) -> Dataset:
    """The same rows, read from the files that `stage` wrote."""
    return dataclasses.replace(dataset, format=Staged(dataset.format, files))


def pays(dataset: Dataset, passes: int) -> bool:
    """Whether so many passes over a dataset are quicker where the first of them keeps the rows."""
    return passes > 1 and isinstance(dataset.format, StreamedFormat) and dataset.format.is_parsed


def stage(dataset: Dataset, folder: str, task: int) -> dict[str, str] | None:
    """Write the rows of each shard to an Arrow file in a folder: shard's path -> file, for those that have rows.

    All columns are kept, and `CORRUPT` where the format tells it. None where the files would take more than half
    of the space that is free: those written so far are removed. Raises what reading a shard raises.
    """
    room = free_bytes(Path(folder)) // 2
    shards = [shard for shard in dataset.shards if shard.size or dataset.format.reads_empty]
    paths = {shard.path: f"{folder}/{task:05d}-{i:06d}.arrow" for i, shard in enumerate(shards)}
    taken: list[int] = []
    # Side by side, since what unpacks a shard works in one thread.
    with ThreadPoolExecutor(min(MOST_THREADS, pl.thread_pool_size())) as threads:
        try:
            has_rows = list(threads.map(lambda shard: _write(dataset, shard, paths[shard.path], room, taken), shards))
        except (_FullError, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.ENOSPC:
                raise
            threads.shutdown(cancel_futures=True)
            for path in paths.values():
                Path(path).unlink(missing_ok=True)
            return None
    return {shard.path: paths[shard.path] for shard, has in zip(shards, has_rows, strict=True) if has}


def _write(dataset: Dataset, shard: Shard, path: str, room: int, taken: list[int]) -> bool:
    """Write the rows of one shard; whether there were any. `taken` has the bytes of every batch written so far."""
    form = dataset.format
    assert isinstance(form, StreamedFormat)
    schema = {**dataset.schema, **({CORRUPT: pl.String()} if form.tells_corrupt else {})}
    level = pl.CompatLevel.newest()
    rows = 0
    options = pa.ipc.IpcWriteOptions(compression=_COMPRESSION)
    arrow = pl.DataFrame(schema=schema).to_arrow(compat_level=level).schema
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, arrow, options=options) as writer:
        for frame in form.stream([shard], dataset.schema, dataset.options, frozenset(schema)):
            before = sink.tell()
            writer.write_table(frame.select(list(schema)).to_arrow(compat_level=level))
            rows += frame.height
            taken.append(sink.tell() - before)
            if sum(taken) > room:
                raise _FullError
    if not rows:
        Path(path).unlink()
    return bool(rows)
