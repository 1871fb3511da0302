"""Scan a dataset as a lazy frame."""

from __future__ import annotations

import polars as pl

from genspark.columns.hashing import PLACE, places
from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.engines.polars.meter import NUMBER
from genspark.sources.dataset import Dataset
from genspark.storage.stores import file_uri


def scan(
    dataset: Dataset,
    *,
    corrupt: bool = True,
    with_file: bool = False,
    with_record: bool = False,
    with_place: bool = False,
    with_number: bool = False,
) -> pl.LazyFrame:
    """Scan the rows lazily and in bounded memory: the columns of the schema, then of `CORRUPT`, `FILE` and so on some.

    `CORRUPT` is among them where the format keeps corrupt records and `corrupt` is true, `FILE` where `with_file` is:
    the URI of the file that a row is from, among those of the dataset; `RECORD` where `with_record` is; and the hash of
    both, `PLACE`, where `with_place` is; `NUMBER` where `with_number` is and it is known how many rows there are. A
    shard that cannot be read fails the query: see `shard_error`.
    """
    if with_place:
        frame = scan(dataset, corrupt=corrupt, with_file=True, with_record=True, with_number=with_number)
        frame = frame.with_columns(_place())
        return frame.drop([name for name, asked in ((FILE, with_file), (RECORD, with_record)) if not asked])
    columns: dict[str, pl.DataType] = dict(dataset.schema)
    if dataset.tells_corrupt and corrupt:
        columns[CORRUPT] = pl.String()
    shards = [shard for shard in dataset.shards if shard.size or dataset.format.reads_empty]
    files = pl.Enum(list(dict.fromkeys(file_uri(shard.path) for shard in shards)))
    if with_file:
        columns[FILE] = pl.String()
    if with_record:
        columns[RECORD] = pl.Int64()
    if with_number and dataset.rows is not None:
        columns[NUMBER] = pl.Int64()
    if not shards:
        return pl.LazyFrame(schema={**columns, FILE: files} if with_file else columns)
    frame = dataset.format.scan(shards, dataset.schema, dataset.options, columns)
    # A number for each row in place of a text, until it is written.
    return frame.with_columns(pl.col(FILE).cast(files)) if with_file else frame


def _place() -> pl.Expr:
    def hashes(rows: pl.Series) -> pl.Series:
        file, record = rows.struct.field(FILE), rows.struct.field(RECORD)
        known = file.to_physical().fill_null(0).to_numpy()
        uris = file.dtype.categories.to_list() or [""]  # type: ignore[attr-defined]
        return pl.Series(PLACE, places(uris, known, record.fill_null(-1).to_numpy()), dtype=pl.Int64)

    return pl.struct(FILE, RECORD).map_batches(hashes, return_dtype=pl.Int64, is_elementwise=True).alias(PLACE)
