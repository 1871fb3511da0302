"""Parquet files of a table, written by Polars from streamed rows; nothing is committed here."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from genspark.columns.expressions import HIDDEN
from genspark.storage.files import is_uri, storage_path
from genspark.storage.hive import folders
from genspark.storage.object_stores import arrow_file_system, polars_options

BUCKET = f"{HIDDEN}bucket"
ROW_GROUP_BYTES = 32 << 20
MOST_ROWS_IN_A_GROUP = 1 << 18


@dataclass(frozen=True)
class Layout:
    """How rows are laid out: partition columns, files in each partition, the size and rows of a file.

    `file_bytes` is the size in memory at which a new file is begun; None: never. `indexed` columns get statistics
    in the log. `run_id` is part of every file's name, so that what a run leaves behind can be found; names end
    with `suffix`.
    """

    partition_by: tuple[str, ...]
    run_id: str
    files_per_partition: int | None = None
    rows_per_file: int | None = None
    file_bytes: int | None = 256 << 20
    indexed: int = 1
    suffix: str = ".snappy.parquet"


@dataclass(frozen=True)
class WrittenFile:
    """A file that a commit may add, with the fields of its entry in the log.

    `path` is relative to the table; `partition` maps each partition column to its value as Delta
    writes it, None being null; `stats` is the JSON of Delta's column statistics; `modified` is in
    milliseconds since 1970.
    """

    path: str
    size: int
    rows: int
    partition: Mapping[str, str | None]
    stats: str
    modified: int


def write_files(frame: pl.LazyFrame, folder: str, layout: Layout, task: int = 0) -> list[WrittenFile]:
    """Write the rows of a frame in one streaming pass, each file under a name of its own. Raises OSError."""
    keys = list(layout.partition_by)
    schema = frame.collect_schema()
    if layout.files_per_partition:
        keys.append(BUCKET)
        frame = frame.with_columns(_bucket(schema, layout.files_per_partition))
    placed: dict[str, dict[str, str | None]] = {}

    def place(file: Any) -> str:
        values = file.partition_keys.row(0, named=True) if file.partition_keys.width else {}
        values.pop(BUCKET, None)
        partition = {name: as_text(value) for name, value in values.items()}
        path = f"{folders(partition)}part-{task:05d}-{layout.run_id}-{uuid.uuid4().hex[:12]}{layout.suffix}"
        placed[path] = partition
        return path

    sunk: list[Any] = []
    by = pl.PartitionBy(
        storage_path(folder),
        file_path_provider=place,
        key=keys or None,
        include_key=False if keys else None,
        max_rows_per_file=layout.rows_per_file,
        approximate_bytes_per_file=None if layout.files_per_partition else layout.file_bytes,
    )
    frame.sink_parquet(
        by,
        compression="snappy",
        row_group_size=_rows_in_a_group(schema),
        maintain_order=False,
        mkdir=True,
        engine="streaming",
        storage_options=polars_options(storage_path(folder)),
        sinked_paths_callback=lambda written: sunk.extend(written.paths),
    )
    indexed = [name for name in schema.names() if name not in layout.partition_by][: layout.indexed]
    sizes = {path: file for file in sunk for path in placed if file.path.endswith(path)}
    return [_written(folder, path, sizes[path], placed[path], indexed) for path in sorted(placed)]


def as_text(value: Any) -> str | None:
    """A partition's value as the Delta protocol serialises it; None for null, and for an empty string."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value)


def _bucket(schema: pl.Schema, files: int) -> pl.Expr:
    plain = [name for name, dtype in schema.items() if not dtype.is_nested() and dtype != pl.Binary]
    return (pl.struct(plain).hash() % files).alias(BUCKET)


def _rows_in_a_group(schema: pl.Schema) -> int:
    row = sum(_bytes_of(dtype) for dtype in schema.dtypes())
    return max(1024, min(MOST_ROWS_IN_A_GROUP, ROW_GROUP_BYTES // max(row, 1)))


def _bytes_of(dtype: pl.DataType) -> int:
    """The approximate bytes of a value."""
    if dtype == pl.Binary or dtype.is_nested():
        return 4096
    return 64 if dtype == pl.String else 8


def _written(
    folder: str, path: str, file: Any, partition: Mapping[str, str | None], indexed: Sequence[str]
) -> WrittenFile:
    stats = {"numRecords": file.num_rows, **_column_statistics(f"{storage_path(folder)}/{path}", indexed)}
    return WrittenFile(path, file.num_bytes, file.num_rows, partition, json.dumps(stats), int(time.time() * 1000))


def _column_statistics(path: str, columns: Sequence[str]) -> dict[str, Any]:
    """minValues, maxValues and nullCount of the columns for which the file's footer has them."""
    import pyarrow.parquet as pq

    if not columns:
        return {}
    system, inside = arrow_file_system(path) if is_uri(path) else (None, path)
    footer = pq.read_metadata(inside, filesystem=system)
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    statistics: dict[str, Any] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for column in columns:
        places = [i for i in range(footer.num_columns) if footer.schema.column(i).path == column]
        each = [group.column(places[0]).statistics for group in groups] if places else []
        if not each or any(s is None or not s.has_null_count for s in each):
            continue
        statistics["nullCount"][column] = sum(s.null_count for s in each)
        ends = [_ends(s) for s in each if s.has_min_max]
        if len(ends) == len(each) and all(_is_telling(end) for pair in ends for end in pair):
            statistics["minValues"][column] = _as_json(min(low for low, _ in ends), up=False)
            statistics["maxValues"][column] = _as_json(max(high for _, high in ends), up=True)
    return statistics


def _ends(statistics: Any) -> tuple[Any, Any]:
    """The smallest and the largest value; instants are made from microseconds, because PyArrow would need pandas."""
    kind = json.loads(statistics.logical_type.to_json())
    if kind["Type"] != "Timestamp":
        return statistics.min, statistics.max
    zone = dt.UTC if kind["isAdjustedToUTC"] else None
    epoch = dt.datetime(1970, 1, 1, tzinfo=zone)
    low, high = (epoch + dt.timedelta(microseconds=n) for n in (statistics.min_raw, statistics.max_raw))
    return low, high


def _is_telling(value: Any) -> bool:
    """Whether the log can hold a value as a bound: short text, finite numbers, dates and instants."""
    if isinstance(value, str):
        return len(value) <= 32
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dt.datetime):
        return value.tzinfo is not None
    return isinstance(value, int | dt.date)


def _as_json(value: Any, *, up: bool) -> Any:
    """A bound as JSON; an instant in milliseconds, rounded away from the values."""
    if isinstance(value, dt.datetime):
        odd = value.microsecond % 1000
        whole = value + dt.timedelta(microseconds=(1000 - odd if up and odd else -odd))
        return whole.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{whole.microsecond // 1000:03d}Z"
    return value.isoformat() if isinstance(value, dt.date) else value
