"""A source that is costly to read, read once: its rows come from Arrow files, whatever the number of passes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl

from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.engines.polars.meter import METER, NUMBER
from genspark.sources.dataset import Dataset
from genspark.sources.format import Format, Found, Schema, StreamedFormat, file_columns, uri_of_path
from genspark.sources.keeping import Keeper, Kept, Part
from genspark.sources.numbering import in_files, in_scan, index_of
from genspark.sources.parsing.ahead import thread_count
from genspark.sources.shard import Shard
from genspark.storage.stores import file_uri


class Staged(Format):
    """Shards of another format, of which Arrow files hold the rows as that format reads them.

    `kept` has the files of each shard that has rows. It is not registered: no YAML names it.
    """

    def __init__(self, origin: Format, kept: Kept) -> None:
        self.origin, self.kept = origin, dict(kept)

    @property
    def tells_corrupt(self) -> bool:  # type: ignore[override]
        """Whether the original format keeps corrupt records."""
        return self.origin.tells_corrupt

    @property
    def is_versioned(self) -> bool:  # type: ignore[override]
        """Whether the original format has versions."""
        return self.origin.is_versioned

    def schema(self, shards: Sequence[Shard], options: Any, given: Schema | None, constants: Schema) -> Found:
        return self.origin.schema(shards, options, given, constants)

    def scan(self, shards: Sequence[Shard], schema: Schema, options: Any, columns: Schema) -> pl.LazyFrame:
        """The rows; neighbours that are alike, and whose folders tell the same, are one scan."""
        each = [one for shard in shards for one in _numbered(shard, self.kept.get(shard.path, ()))]
        scans, before = [], 0
        for _, group in itertools.groupby(each, key=_likeness):
            alike = list(group)
            scans.append(_scan(alike, columns, before))
            before += sum(part.rows for _, part, _ in alike)
        return pl.concat(scans) if scans else pl.LazyFrame(schema=columns)

    def rows(self, shards: Sequence[Shard]) -> int | None:
        return sum(part.rows for shard in shards for part in self.kept.get(shard.path, ()))

    def read_through(self, shard: Shard, schema: Schema, options: Any) -> None:
        self.origin.read_through(shard, schema, options)


def staged(dataset: Dataset, kept: Kept) -> Dataset:
    """The same rows, read from the files that `stage` wrote, or that were kept while types were inferred."""
    return dataclasses.replace(dataset, format=Staged(dataset.format, kept), kept={})


def pays(dataset: Dataset, passes: int) -> bool:
    """Whether so many passes over a dataset are quicker where its rows are kept."""
    return dataset.format.is_parsed and (passes > 1 or bool(dataset.kept))


def lacking(dataset: Dataset) -> list[Shard]:
    """The shards whose rows are not kept yet."""
    has_some = dataset.format.reads_empty
    return [shard for shard in dataset.shards if (shard.size or has_some) and shard.path not in dataset.kept]


def stage(dataset: Dataset, folder: str, task: int) -> Kept | None:
    """Keep the rows of each shard in Arrow files in a folder: all columns, and `CORRUPT` where the format tells it.

    None where the disk is too full. Raises what reading a shard raises.
    """
    form = dataset.format
    assert isinstance(form, StreamedFormat)
    keeper = Keeper(folder, f"{task:05d}")
    names = [*dataset.schema, *([CORRUPT] if form.tells_corrupt else [])]

    def keep(shard: Shard) -> None:
        own = [name for name in names if name not in shard.constants]
        for frame in form.frames(shard, file_columns(shard, dataset.schema), dataset.options, frozenset(own)):
            METER.add(frame.height)
            keeper.add(shard.path, frame.select(own))
            if keeper.is_full:
                return
        keeper.finish(shard.path)

    # Side by side, since what unpacks a shard works in one thread.
    with ThreadPoolExecutor(thread_count()) as threads:
        list(threads.map(keep, [shard for shard in dataset.shards if shard.size or form.reads_empty]))
    return None if keeper.is_full else keeper.kept()


def _numbered(shard: Shard, parts: Sequence[Part]) -> list[tuple[Shard, Part, int]]:
    """The parts of a shard, each with the number of the record that it begins with."""
    firsts = itertools.accumulate((part.rows for part in parts), initial=0)
    return [(shard, part, first) for part, first in zip(parts, firsts, strict=False)]


def _likeness(one: tuple[Shard, Part, int]) -> str:
    shard, part, _ = one
    return repr((dict(part.schema), dict(shard.constants)))


def _scan(alike: list[tuple[Shard, Part, int]], columns: Schema, before: int) -> pl.LazyFrame:
    (shard, part, _), *_ = alike
    uris = {part.file: file_uri(shard.path) for shard, part, _ in alike}
    frame = pl.scan_ipc(
        list(uris),
        include_file_paths=FILE if FILE in columns else None,
        row_index_name=index_of(columns),
    )

    def column(name: str, dtype: pl.DataType) -> pl.Expr:
        if name in shard.constants:
            return pl.lit(shard.constants[name], dtype=dtype).alias(name)
        if name == FILE:
            return uri_of_path(FILE, uris)
        if name == RECORD:
            return in_files([part.rows for _, part, _ in alike[:-1]], [first for _, _, first in alike])
        if name == NUMBER:
            return in_scan(columns, before)
        if name not in part.schema:
            return pl.lit(None, dtype=dtype).alias(name)
        return pl.col(name) if part.schema[name] == dtype else pl.col(name).cast(dtype)

    return frame.select(column(name, dtype) for name, dtype in columns.items())
