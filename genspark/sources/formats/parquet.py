"""Parquet files, scanned by Polars, with row groups as parts."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl

from genspark.engines.fate import FILE, RECORD
from genspark.engines.polars.meter import NUMBER
from genspark.engines.polars.plugin import lazy
from genspark.sources.batches import schema_of
from genspark.sources.format import Schema, uri_of_path
from genspark.sources.numbering import in_files, in_scan, index_of
from genspark.sources.parsing.ahead import thread_count
from genspark.sources.shard import Shard
from genspark.sources.typed import TypedFormat
from genspark.storage.object_stores import polars_options
from genspark.storage.stores import file_uri, open_file

_ROWS = re.compile(r"^ESTIMATED ROWS: (\d+)$", re.MULTILINE)
"""What Polars tells of a scan. Of one file it is the number of rows in its footer."""


class Parquet(TypedFormat):
    """Parquet files, scanned by Polars itself."""

    name = "parquet"
    is_numbered_on_spark = True
    is_copied = True

    def raw_schema(self, path: str) -> pl.Schema:
        return self.looked_at(path)[0]

    def looked_at(self, path: str) -> tuple[pl.Schema, int | None]:
        """The columns and the rows of a file; timestamps of 96 bits are points in time, in UTC."""
        scan = _scan([path], None, {})
        schema = scan.collect_schema()
        no_zone = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime) and dtype.time_zone is None]
        if no_zone:
            columns = footer(path).schema
            int96 = {c.path for c in map(columns.column, range(len(columns))) if c.physical_type == "INT96"}
            schema.update({name: pl.Datetime("ns", "UTC") for name in no_zone if name in int96})
        # It has read the footer, and tells of it nowhere else.
        rows = _ROWS.search(scan.explain(optimized=False))
        return schema, int(rows[1]) if rows else None

    def scan(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], columns: Schema
    ) -> pl.LazyFrame:
        return scan_parquet(shards, schema, columns, table=False)

    def parts(self, shard: Shard, size: int) -> Iterator[Shard]:
        """Cut the shard between row groups into parts of about `size` bytes."""
        metadata = footer(shard.path)
        first, last = shard.row_groups or (0, metadata.num_row_groups)
        total = sum(metadata.row_group(i).total_byte_size for i in range(first, last)) or 1
        start, part_size = first, 0
        for i in range(first, last):
            # The share of the file's bytes: a footer has the sizes before compression.
            group_size = metadata.row_group(i).total_byte_size * shard.size // total
            if i > start and part_size + group_size > size:
                yield dataclasses.replace(shard, row_groups=(start, i), size=part_size, rows=None)
                start, part_size = i, 0
            part_size += group_size
        if start == first:
            yield shard
        else:
            yield dataclasses.replace(shard, row_groups=(start, last), size=part_size, rows=None)

    def column_sizes(self, shard: Shard) -> Mapping[str, int]:
        metadata, sizes = footer(shard.path), Counter[str]()
        for i in range(metadata.num_row_groups):
            group = metadata.row_group(i)
            for column in map(group.column, range(group.num_columns)):
                sizes[column.path_in_schema.partition(".")[0]] += column.total_compressed_size
        return sizes

    def read_through(self, shard: Shard, schema: Schema, options: Mapping[str, str]) -> None:
        import pyarrow.parquet as pq

        # The schema is ignored, or a shard would be blamed for a type that another shard has.
        with open_file(shard.path) as file:
            reader = pq.ParquetFile(file)
            for i in range(*(shard.row_groups or (0, reader.num_row_groups))):
                for _ in reader.iter_batches(row_groups=[i]):
                    pass


def footer(path: str) -> Any:
    """The metadata in a file's footer, as PyArrow reads it. Raises OSError or ArrowInvalid."""
    import pyarrow.parquet as pq

    with open_file(path) as file:
        return pq.read_metadata(file)


def scan_parquet(shards: Sequence[Shard], schema: Schema, columns: Schema, *, table: bool) -> pl.LazyFrame:
    """Scan the shards in order; neighbours of one variant with the same constants are one scan.

    `columns` are as in `Format.scan`. `table` says that the schema is a table's, whose files may lack columns or hold
    narrower types.
    """
    parts = []
    before = 0
    for _, group in itertools.groupby(shards, key=_scan_key):
        alike = list(group)
        constants = alike[0].constants
        own = {name: dtype for name, dtype in schema.items() if name not in constants} if table else None
        lf = _row_groups(alike[0], own, columns) if alike[0].row_groups else _whole(alike, own, columns)
        values = [
            pl.lit(constants[name], dtype=dtype).alias(name) if name in constants else pl.col(name).cast(dtype)
            for name, dtype in schema.items()
        ]
        if FILE in columns:
            values.append(_file(alike))
        if RECORD in columns:
            values.append(in_files(_rows(alike[:-1]), [0] * len(alike)))
        if NUMBER in columns:
            values.append(in_scan(columns, before))
            before += sum(shard.rows or 0 for shard in alike)
        parts.append(lf.select(values))
    return parts[0] if len(parts) == 1 else pl.concat(parts)


def _scan_key(shard: Shard) -> tuple[Any, ...]:
    """The key that neighbouring shards of one scan share; a part of a file is a scan of its own."""
    alone = (shard.path, shard.row_groups) if shard.row_groups else None
    return (
        alone,
        bool(shard.copy),
        shard.variant,
        tuple((name, repr(value)) for name, value in shard.constants.items()),
    )


def _whole(shards: list[Shard], own: dict[str, pl.DataType] | None, columns: Schema) -> pl.LazyFrame:
    paths = [shard.bytes_at for shard in shards]
    return _scan(paths, own, columns, file_paths=FILE if FILE in columns and len(shards) > 1 else None)


def _scan(
    paths: list[str], own: dict[str, pl.DataType] | None, columns: Schema, file_paths: str | None = None
) -> pl.LazyFrame:
    """Scan files whole; the column of `index_of`, where there is one, numbers the rows of all of them."""
    if paths[0].startswith("hdfs://"):
        return _through_arrow(paths, own, columns, file_paths)
    told: dict[str, Any] = {"include_file_paths": file_paths, "storage_options": polars_options(paths[0])}
    if index := index_of(columns):
        told["row_index_name"] = index
    if own is None:
        return pl.scan_parquet(paths, hive_partitioning=False, glob=False, **told)
    return pl.scan_parquet(
        paths,
        schema=own,
        hive_partitioning=False,
        glob=False,
        missing_columns="insert",
        extra_columns="ignore",
        cast_options=pl.ScanCastOptions(
            integer_cast="upcast",
            float_cast="upcast",
            datetime_cast=["nanosecond-downcast", "millisecond-upcast", "convert-timezone"],
            missing_struct_fields="insert",
            extra_struct_fields="ignore",
        ),
        **told,
    )


def _through_arrow(
    paths: list[str], own: dict[str, pl.DataType] | None, columns: Schema, file_paths: str | None
) -> pl.LazyFrame:
    """The files of a store that Polars does not know, row group by row group; of `own`, a file may lack columns."""
    import pyarrow.parquet as pq

    schema = dict(own) if own is not None else schema_of(footer(paths[0]).schema.to_arrow_schema())
    index = index_of(columns)
    told: dict[str, pl.DataType] = {index: pl.Int64()} if index else {}
    told |= {file_paths: pl.String()} if file_paths else {}

    def frames(needed: frozenset[str] | None) -> Iterator[pl.DataFrame]:
        # One column at least, or a frame would not tell how many rows it has.
        wanted = [name for name in schema if needed is None or name in needed] or [next(iter(schema))]
        start = 0
        for path in paths:
            with open_file(path) as file:
                reader = pq.ParquetFile(file)
                there = set(reader.schema_arrow.names)
                some = [name for name in wanted if name in there] or reader.schema_arrow.names[:1]
                made = [
                    (pl.col(name) if name in there else pl.lit(None)).cast(schema[name]).alias(name) for name in wanted
                ]
                made += [pl.lit(path).alias(file_paths)] if file_paths else []
                for i in range(reader.num_row_groups):
                    rows = pl.DataFrame(pl.from_arrow(reader.read_row_group(i, columns=some)))
                    numbers = [pl.int_range(start, start + rows.height, dtype=pl.Int64).alias(index)] if index else []
                    yield rows.select(*made, *numbers)
                    start += rows.height

    return lazy(frames, {**schema, **told})


def _row_groups(shard: Shard, own: dict[str, pl.DataType] | None, columns: Schema) -> pl.LazyFrame:
    """Scan some row groups of a file, as a slice of its rows."""
    metadata = footer(shard.bytes_at)
    first, last = shard.row_groups or (0, metadata.num_row_groups)
    counts = [metadata.row_group(i).num_rows for i in range(last)]
    return _scan([shard.bytes_at], own, columns).slice(sum(counts[:first]), sum(counts[first:]))


def _rows(shards: Sequence[Shard]) -> list[int]:
    """The rows of each file."""
    with ThreadPoolExecutor(thread_count()) as threads:
        return list(threads.map(lambda shard: int(footer(shard.bytes_at).num_rows), shards))


def _file(shards: list[Shard]) -> pl.Expr:
    """The column `FILE`: the path that Polars adds, or the only one, as a URI."""
    if len(shards) == 1:
        return pl.lit(file_uri(shards[0].path)).alias(FILE)
    return uri_of_path(FILE, {shard.bytes_at: file_uri(shard.path) for shard in shards})
