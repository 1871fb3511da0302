"""Rows of the small tables beside one, such as states and vaults, and of what was replayed: erased for good."""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from genspark.errors import SinkError
from genspark.storage.files import OWN, storage_path, writing
from genspark.storage.object_stores import one_line
from genspark.storage.stores import open_file
from genspark.tables.erasing.log import forget_bounds
from genspark.tables.erasing.persons import Persons
from genspark.tables.erasing.searching import files_in
from genspark.tables.snapshot import open_delta


@dataclass(frozen=True)
class Removed:
    """Rows that were removed."""

    rows: int

    def __add__(self, other: Removed) -> Removed:
        return Removed(self.rows + other.rows)


def erase_rows(path: str, column: str, values: Collection[str] | None) -> Removed:
    """Delete the rows of a small Delta table that have one of the values; None: all rows.

    The files that had them go, too, and what the log tells of those. The table is written anew and not deleted from: a
    commit tells its predicate. Raises SinkError.
    """
    import deltalake
    from deltalake.exceptions import DeltaError

    whole = storage_path(path)
    table = open_delta(whole)
    if table is None:
        return Removed(0)
    try:
        rows = pl.DataFrame(pl.from_arrow(table.to_pyarrow_dataset().to_table(use_threads=False)))
        kept = rows.clear() if values is None else rows.filter(~pl.col(column).is_in(list(values)).fill_null(False))
        if kept.height == rows.height:
            return Removed(0)
        once = deltalake.CommitProperties(max_commit_retries=0)
        deltalake.write_deltalake(table, kept, mode="overwrite", commit_properties=once)
        open_delta(whole).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
        forget_bounds(whole)
    except (DeltaError, OSError) as error:
        raise SinkError(f"{path}: {one_line(error)}") from None
    return Removed(rows.height - kept.height)


def replays_without(target: str, persons: Persons) -> int:
    """Take persons' rows from the copies of rows that were replayed; return their number."""
    total = 0
    for path in list(files_in(f"{target}/{OWN}/replays")):
        if not path.endswith(".parquet"):
            continue
        with open_file(path) as file:
            rows = pl.read_parquet(io.BytesIO(bytes(file.read())))
        kept = rows.filter(~persons.rows(rows.schema))
        if kept.height < rows.height:
            total += rows.height - kept.height
            content = io.BytesIO()
            kept.write_parquet(content)
            with writing(path) as stream:
                stream.write(content.getvalue())
    return total
