"""Vacuum: files are deleted that neither the newest version needs nor a version that the table still keeps."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from genspark.errors import SinkError
from genspark.storage.files import file_system
from genspark.storage.object_stores import one_line
from genspark.tables.footers import AT_ONCE
from genspark.tables.leftovers import Leftover
from genspark.tables.snapshot import Snapshot, open_delta


@dataclass(frozen=True)
class Vacuum:
    """Files that were deleted, or would be. Versions before `readable_from` lost files; None: no version did."""

    files: int
    bytes: int
    readable_from: int | None


def vacuum(snapshot: Snapshot, expired: Sequence[Leftover], keep: dt.timedelta, *, dry_run: bool) -> Vacuum:
    """Delete those of the expired files that deltalake, too, finds to be needed by no version kept. Raises SinkError.

    What its own vacuum would delete besides, as notes that people put beside the files, stays.
    """
    from deltalake.exceptions import DeltaError

    if snapshot.with_vectors:
        raise SinkError(f"{snapshot.path}: rows are deleted by vectors; on Spark: VACUUM delta.`{snapshot.path}`")
    try:
        table = open_delta(snapshot.path)
        hours = math.ceil(keep / dt.timedelta(hours=1))
        named = table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True)
        unneeded = {f"{snapshot.path}/{name}" for name in named}
        doomed = [file for file in expired if file.path in unneeded]
        if not dry_run:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(_delete, [file.path for file in doomed]))
    except (DeltaError, OSError) as error:
        raise SinkError(f"{snapshot.path}: {one_line(error)}") from None
    removed = [file.removed_by for file in doomed if file.removed_by is not None]
    return Vacuum(len(doomed), sum(file.size for file in doomed), max(removed, default=None))


def _delete(path: str) -> None:
    system, inside = file_system(path)
    # Another vacuum may have been here.
    with contextlib.suppress(FileNotFoundError):
        system.delete_file(inside)
