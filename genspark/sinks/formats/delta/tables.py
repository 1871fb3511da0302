"""Delta tables as deltalake opens them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import narwhals as nw
import polars as pl

from genspark.errors import GensparkError
from genspark.sinks.history import Entry, changed_since
from genspark.sinks.table import Table
from genspark.storage.files import is_uri
from genspark.storage.object_stores import delta_options, one_line
from genspark.storage.refusals import refusal

_CHECKPOINT_INTERVAL = 10
"""Commits between checkpoints, where the table does not say."""


def is_table(path: str) -> bool:
    """Whether a Delta table is there. Raises DeltaError or OSError where the store does not answer."""
    from deltalake import DeltaTable

    return bool(DeltaTable.is_deltatable(path, delta_options(path)))


def open_table(path: str, version: int | None = None) -> Any:
    """The table at a path, as it is now or was at a version. Raises DeltaError or OSError."""
    from deltalake import DeltaTable

    return DeltaTable(path, version=version, storage_options=delta_options(path))


def found(path: str, table: Any) -> Table:
    """A deltalake table as it is now."""
    metadata = table.metadata()
    # Not by way of an empty table of PyArrow, which loads pandas.
    rows = pl.LazyFrame(schema=pl.Schema(table.schema().to_arrow()))
    columns = dict(nw.from_native(rows).collect_schema())
    return Table(path, table.version(), tuple(metadata.partition_columns), dict(metadata.configuration), columns)


def changed_meanwhile(now: Any, version: int | None) -> list[Entry]:
    """The commits since a version that changed rows, newest first."""
    newer = 0 if now is None else now.version() - (-1 if version is None else version)
    return changed_since([Entry.of(commit) for commit in now.history(newer)], version) if newer > 0 else []


def checkpoint(path: str, before: Any, version: int) -> None:
    """Write a checkpoint where one is due, and delete the log that has expired; `before`: the version before."""
    from deltalake.exceptions import DeltaError

    properties = {} if before is None else before.metadata().configuration
    if not version or version % int(properties.get("delta.checkpointInterval", _CHECKPOINT_INTERVAL)):
        return
    # The rows are there already; without this checkpoint readers are slower until the next.
    with contextlib.suppress(DeltaError, OSError):
        # Of this version, whoever has come since: others write those that are due then.
        table = open_table(path, version)
        table.create_checkpoint()
        if properties.get("delta.enableExpiredLogCleanup", "true") == "true":
            table.cleanup_metadata()


@contextlib.contextmanager
def refused(place: str, path: str, kind: type[GensparkError]) -> Iterator[None]:
    """Raise an error of this kind that names the place and the path for what deltalake or the store raises inside."""
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, OSError) as error:
        # Of a conflict the store is not to blame.
        told = refusal(error, path) if is_uri(path) and isinstance(error, OSError) else one_line(error)
        raise kind(f"{place}: {path}: {told}") from None
