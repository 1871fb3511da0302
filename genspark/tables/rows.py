"""Rows of a table: some at a time, or single ones, found by one column and then read from their row group alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from genspark.columns.hashing import ROW_ID, KeyHash
from genspark.config import Source
from genspark.engines.polars.engine import PolarsEngine
from genspark.errors import SourceError
from genspark.sources import find_dataset, scan
from genspark.storage.files import storage_path
from genspark.storage.object_stores import one_line
from genspark.storage.stores import open_file
from genspark.tables.footers import Tell, of_each, silent
from genspark.tables.snapshot import DataFile, Snapshot

BATCH = 1 << 16
"""Rows in memory at a time for each file that is open."""


def refuse_vectors(snapshot: Snapshot) -> None:
    """Raise SourceError where deletion vectors take rows away, which would be shown as if they were there."""
    if snapshot.with_vectors:
        raise SourceError(
            f"{snapshot.path}: rows are deleted by vectors, which are not read here; "
            f"on Spark: REORG TABLE delta.`{snapshot.path}` APPLY (PURGE)"
        )


def places_of(snapshot: Snapshot, column: str, value: int, tell: Tell = silent) -> dict[str, list[int]]:
    """The places, from 0, of the rows with a value, by the name of their file; files without such rows are left out.

    Raises SourceError where a file cannot be read: the row may be in it.
    """

    def look(path: str) -> list[int]:
        import pyarrow.parquet as pq

        found: list[int] = []
        start = 0
        with open_file(path) as file:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=BATCH, columns=[column], use_threads=False):
                values = batch.column(0).fill_null(0 if value else 1).to_numpy(zero_copy_only=False)
                found += (np.flatnonzero(values == value) + start).tolist()
                start += batch.num_rows
        return found

    found, failed = of_each(snapshot.files, look, tell)
    if failed:
        name, cause = next(iter(failed.items()))
        raise SourceError(f"{snapshot.path}: {name} cannot be read ({cause}); restore the file, then ask again")
    return {file.name: found[file.name] for file in snapshot.files if found[file.name]}


def batches(file: DataFile, columns: Sequence[str] | None = None) -> Iterator[tuple[int, Any]]:
    """(place of the first row, rows as an Arrow batch) of a file, with those of the columns that it has."""
    import pyarrow.parquet as pq

    start = 0
    with open_file(file.path) as opened:
        parquet = pq.ParquetFile(opened)
        names = parquet.schema_arrow.names
        wanted = names if columns is None else [name for name in columns if name in names]
        for batch in parquet.iter_batches(batch_size=BATCH, columns=wanted, use_threads=False):
            yield start, batch
            start += batch.num_rows


def frames(snapshot: Snapshot, columns: Sequence[str] | None = None, tell: Tell = silent) -> Iterator[pl.DataFrame]:
    """The rows of a table, some at a time, with these columns; `tell` is told the files that are done.

    Raises SourceError where a file cannot be read.
    """
    for done, file in enumerate(snapshot.files, start=1):
        try:
            for _, batch in batches(file, columns):
                yield with_partition(pl.DataFrame(batch), file)
        except (OSError, ValueError) as error:
            raise SourceError(f"{snapshot.path}: {file.name} cannot be read ({one_line(error)})") from None
        tell(done, len(snapshot.files))


def with_partition(frame: pl.DataFrame, file: DataFile) -> pl.DataFrame:
    """Rows of a file with the columns that its partition tells, as text."""
    own = {name: value for name, value in file.partition if name not in frame.columns}
    return frame.with_columns(**{name: pl.lit(value, pl.String) for name, value in own.items()})


def frame_of(snapshot: Snapshot) -> pl.LazyFrame:
    """The rows of a table, to be scanned by Polars."""
    kind = "parquet" if snapshot.protocol is None else "delta"
    return scan(find_dataset(Source(path=storage_path(snapshot.path), format=kind)))


def row_ids(rows: pl.DataFrame, key: Sequence[str]) -> pl.Series:
    """The ids of rows, which are the hashes of their keys, as `_row_id` has them."""
    hashed = PolarsEngine().with_draws(nw.from_native(rows.lazy()), key, [KeyHash(tuple(key))])
    ids: pl.Series = nw.to_native(hashed).select(ROW_ID).collect()[ROW_ID]
    return ids


def rows_at(file: DataFile, places: Sequence[int]) -> Iterator[Any]:
    """The rows at some places of a file, in order, each an Arrow table of one row with the partition's values."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_file(file.path) as opened:
        parquet = pq.ParquetFile(opened)
        start = 0
        for number in range(parquet.num_row_groups):
            end = start + parquet.metadata.row_group(number).num_rows
            here = [place - start for place in sorted(places) if start <= place < end]
            start = end
            if not here:
                continue
            group = parquet.read_row_group(number, use_threads=False)
            for place in here:
                row = group.slice(place, 1)
                for name, value in file.partition:
                    row = row if name in row.column_names else row.append_column(name, pa.array([value], pa.string()))
                yield row


def plain(value: Any) -> Any:
    """A value of a row as JSON can hold it: bytes become their number, times ISO 8601."""
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)
