"""Scan a dataset as a lazy frame."""

from __future__ import annotations

import polars as pl

from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.sources.dataset import Dataset
from genspark.storage.stores import file_uri


def scan(dataset: Dataset, *, corrupt: bool = True, with_file: bool = False, with_record: bool = False) -> pl.LazyFrame:
    """Scan the rows lazily and in bounded memory: the columns of the schema, then of `CORRUPT`, `FILE`, `RECORD` some.

    `CORRUPT` is among them where the format keeps corrupt records and `corrupt` is true, `FILE` where `with_file` is:
    the URI of the file that a row is from, among those of the dataset; and `RECORD` where `with_record` is. A shard
    that cannot be read fails the query: see `shard_error`.
    """
    columns: dict[str, pl.DataType] = dict(dataset.schema)
    if dataset.tells_corrupt and corrupt:
        columns[CORRUPT] = pl.String()
    shards = [shard for shard in dataset.shards if shard.size or dataset.format.reads_empty]
    files = pl.Enum(list(dict.fromkeys(file_uri(shard.path) for shard in shards)))
    if with_file:
        columns[FILE] = pl.String()
    if with_record:
        columns[RECORD] = pl.Int64()
    if not shards:
        return pl.LazyFrame(schema={**columns, FILE: files} if with_file else columns)
    frame = dataset.format.scan(shards, dataset.schema, dataset.options, columns)
    # A number for each row in place of a text, until it is written.
    return frame.with_columns(pl.col(FILE).cast(files)) if with_file else frame
