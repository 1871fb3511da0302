"""A commit that puts rows into other files of a Delta table, beside writers that append meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from genspark.errors import SinkError
from genspark.sinks.features import only_spark_heeds
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.formats.delta.log import LogCommit, OvertakenError, active_files
from genspark.sinks.formats.delta.tables import checkpoint, open_table


def put_rewritten(
    path: str,
    replaced: Collection[str],
    files: Sequence[WrittenFile],
    metadata: Mapping[str, Any],
    *,
    deletes: bool = False,
) -> int:
    """Put files in the place of others, named as in the log, on the newest version; return the version made.

    They hold the same rows, or fewer where it `deletes`.
    Where another writer takes the version first, it is tried again on what that made of the table. Raises SinkError
    where some of the replaced files are gone meanwhile, or rows of theirs may be.
    """
    tried: int = -1
    while True:
        table = open_table(path)
        refuse_rewriting(table, path)
        removed = [file for file in active_files(table) if file["path"] in replaced]
        if len(removed) < len(set(replaced)):
            raise SinkError(
                f"{path}: another writer replaced files that were being written anew, and came first as version "
                f"{table.version()}; nothing has changed: run again"
            )
        if table.version() < tried:
            raise SinkError(f"{path}: the log shows no version {tried}, and has a file of it")
        tried = table.version() + 1
        with contextlib.suppress(OvertakenError):
            operation = "DELETE" if deletes else None
            commit = LogCommit("overwrite", metadata, files, removed, is_maintenance=not deletes, operation=operation)
            commit.put(path, tried)
            break
    checkpoint(path, table, tried)
    return tried


def refuse_rewriting(table: Any, path: str) -> None:
    """Raise SinkError for a deltalake table whose files only Spark replaces rightly."""
    features = only_spark_heeds(table)
    if features:
        raise SinkError(
            f"{path}: demands what only Spark heeds ({', '.join(features)}); on Spark: OPTIMIZE delta.`{path}`"
        )
    if "deletionVectors" in (table.protocol().reader_features or ()) and any(True for _ in table.deletion_vectors()):
        raise SinkError(
            f"{path}: rows are deleted by vectors, and would come back; "
            f"on Spark: REORG TABLE delta.`{path}` APPLY (PURGE), and then run this again"
        )
