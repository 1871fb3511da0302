"""A look at the files that Spark's own writer committed: at their footers and their ids."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from genspark.columns.names import ID_COLUMN
from genspark.errors import StoreError
from genspark.sinks import row_ids
from genspark.sinks.files.checking import off
from genspark.sinks.files.footer import Footer
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.on_spark import delta_table
from genspark.sinks.on_spark.row_ids import in_version
from genspark.sinks.section import Section
from genspark.sinks.table import Commit, Table, partitioning
from genspark.sources.formats.delta import path_of_file
from genspark.storage.stores import absolute, entry, open_file

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOST = 20
"""Files whose footers are read: each takes some milliseconds, in a store more."""


def looked_at(
    spark: SparkSession,
    table: Table,
    section: Section,
    commit: Commit,
    properties: Mapping[str, str],
    columns: Mapping[str, str],
) -> Commit:
    """The commit with what a look at its files tells; Spark does not name them before it.

    `columns` are those of the rows, with their types as text.
    """
    # The rows are in the table: they stay, whatever becomes of a look at them.
    with contextlib.suppress(Exception):
        added = delta_table.added(spark, table.path, commit.version) if commit.rows else []
        paths = _reached(table.path, added)
        misfits = off(_footers(paths), columns, partitioning(table, section), properties, by_spark=True)
        commit = replace(commit, off=tuple(misfits))
        if added and section.lineage and ID_COLUMN in columns:
            is_read_here = paths and commit.rows <= row_ids.MOST_IN_THIS_PROCESS
            shared = (
                row_ids.at(paths, commit.rows) if is_read_here else in_version(spark, table.path, commit.version, added)
            )
            commit = replace(commit, shared_ids=shared)
    return commit


def _reached(path: str, added: Sequence[str]) -> list[str]:
    """The paths of files of a table, as its log names them; none where this process does not reach them."""
    try:
        paths = [path_of_file(absolute(path), name) for name in added]
        return paths if paths and entry(paths[0]) else []
    except (OSError, ValueError, StoreError):
        return []


def _footers(paths: Sequence[str]) -> list[WrittenFile]:
    """Some of these files, spread evenly over all. Raises OSError or ValueError."""
    import pyarrow.parquet as pq

    found = []
    for path in paths if len(paths) <= MOST else [paths[len(paths) * i // MOST] for i in range(MOST)]:
        there = entry(path)
        assert there
        with open_file(path) as file:
            footer = Footer.of(pq.read_metadata(file))
        # Each as the one of its partition: which others that one has is not told.
        found.append(WrittenFile(path, there.size, footer.rows, {"": path}, "{}", there.modified, footer))
    return found
