"""A dataset as a lazy frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from genspark.engines.fate import CORRUPT, FILE
from genspark.engines.polars.plugin import lazy
from genspark.sources.dataset import Dataset
from genspark.sources.formats import batches, images
from genspark.sources.formats.csv import reader as csv_reader
from genspark.sources.formats.json import reader as json_reader
from genspark.sources.formats.parquet import scan_parquet
from genspark.sources.shard import Shard
from genspark.storage.stores import file_uri


def scan(dataset: Dataset, *, corrupt: bool = True, with_file: bool = False) -> pl.LazyFrame:
    """The rows, lazily and in bounded memory: the columns of the schema, then `CORRUPT`, then `FILE`.

    `CORRUPT` is there where the format can tell and `corrupt` asks for it; `FILE`, the URI of the file that
    a row is from, where `with_file` does. What cannot be read fails the query: see `shard_error`.
    """
    columns: dict[str, pl.DataType] = dict(dataset.schema)
    if dataset.tells_corrupt and corrupt:
        columns[CORRUPT] = pl.String()
    if with_file:
        columns[FILE] = pl.String()
    shards = [shard for shard in dataset.shards if shard.size]
    if not shards:
        return pl.LazyFrame(schema=columns)
    if dataset.format in ("parquet", "delta"):
        return scan_parquet(shards, dataset.schema, with_file=with_file, table=dataset.format == "delta")
    return lazy(lambda needed: _frames(dataset, needed or frozenset(columns), columns), columns)


def frames_of(dataset: Dataset, shard: Shard, needed: frozenset[str] | None) -> Iterator[pl.DataFrame]:
    """The rows of one shard, of a format that is read in pieces; without what its folder tells."""
    own = dataset.file_schema
    match dataset.format:
        case "csv":
            return csv_reader.frames(shard, own, dataset.options, needed)
        case "json":
            return json_reader.frames(shard, own, needed)
        case "images":
            return images.frames((shard,), dataset.root)
        case _:
            return batches.frames(dataset.format, shard, own)


def _frames(dataset: Dataset, needed: frozenset[str], columns: Mapping[str, pl.DataType]) -> Iterator[pl.DataFrame]:
    if dataset.format == "images" and FILE not in needed:
        yield from images.frames(dataset.shards, dataset.root)
        return
    for shard in dataset.shards:
        if not shard.size and dataset.format != "images":
            continue
        told = [
            pl.lit(shard.constants[name], dtype=dtype).alias(name)
            for name, dtype in columns.items()
            if name in shard.constants and name in needed
        ]
        if FILE in needed:
            told.append(pl.lit(file_uri(shard.path)).alias(FILE))
        for frame in frames_of(dataset, shard, needed):
            yield frame.with_columns(told)
