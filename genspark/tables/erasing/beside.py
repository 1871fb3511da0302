"""Rows of the small tables beside one, such as states and vaults, and of what was replayed: erased for good."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from typing import Any

import polars as pl

from genspark.errors import SinkError
from genspark.storage.files import OWN, storage_path, writing
from genspark.storage.object_stores import one_line
from genspark.storage.stores import open_file
from genspark.tables.erasing.log import forget_bounds
from genspark.tables.erasing.persons import Persons
from genspark.tables.erasing.searching import files_in
from genspark.tables.snapshot import open_delta

MESSAGES = ("error", "findings")
"""The columns of a ledger that say something of rows."""


def erase_rows(path: str, column: str, values: Collection[str] | None) -> int:
    """Delete the rows of a small Delta table that have one of the values; None: all rows. Return their number.

    Raises SinkError.
    """

    def without(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        kept = rows.clear() if values is None else rows.filter(~pl.col(column).is_in(list(values)).fill_null(False))
        return kept, rows.height - kept.height

    return _changed(path, without)


def messages_without(path: str, persons: Persons) -> int:
    """Put `***` in the place of persons' keys in the messages of a ledger; return the runs whose messages had one.

    Raises SinkError.
    """

    def without(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        told = [name for name in MESSAGES if name in rows.columns]
        clean = {n: [None if text is None else persons.out_of(text) for text in rows[n].to_list()] for n in told}
        anew = rows.with_columns(pl.Series(name, texts, pl.String) for name, texts in clean.items())
        changed = rows.select(pl.any_horizontal(rows[name].ne_missing(anew[name]) for name in told).sum()).item()
        return anew, int(changed)

    return _changed(path, without)


def _changed(path: str, change: Callable[[pl.DataFrame], tuple[pl.DataFrame, int]]) -> int:
    """Change the rows of a small Delta table that may not be there; return in how many rows, as `change` says.

    The files that had the rows go, too, and what the log tells of those. The table is written anew and not deleted
    from: a commit tells its predicate.
    """
    from deltalake.exceptions import DeltaError

    whole = storage_path(path)
    try:
        table = open_delta(whole)
        if table is None:
            return 0
        rows = pl.DataFrame(pl.from_arrow(table.to_pyarrow_dataset().to_table(use_threads=False)))
        anew, count = change(rows)
        if count:
            _put_anew(whole, table, anew)
    except (DeltaError, OSError) as error:
        raise SinkError(f"{path}: {one_line(error)}") from None
    return count


def _put_anew(path: str, table: Any, rows: pl.DataFrame) -> None:
    import deltalake

    once = deltalake.CommitProperties(max_commit_retries=0)
    deltalake.write_deltalake(table, rows, mode="overwrite", commit_properties=once)
    open_delta(path).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
    forget_bounds(path)


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
