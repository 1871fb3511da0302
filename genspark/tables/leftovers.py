"""Files below a table's folder that its newest version does not name: of older versions, or of runs that died."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genspark.sources.formats.delta import path_of_file
from genspark.storage.files import file_system
from genspark.storage.stores import open_file
from genspark.tables.durations import REMOVED_FILES, retention
from genspark.tables.snapshot import Snapshot


@dataclass(frozen=True)
class Leftover:
    """A Parquet file that the newest version does not name; `since` is when it was removed, or else written."""

    path: str
    size: int
    since: dt.datetime
    is_orphan: bool
    """Whether no version that the log knows names it."""


def leftovers(snapshot: Snapshot) -> list[Leftover]:
    """The files left over, by path. Raises OSError or ValueError."""
    removed = _removed(snapshot) if snapshot.protocol else {}
    now = {_comparable(file.path) for file in snapshot.files}
    found = []
    for path, size, modified in _files(snapshot.path):
        name = _comparable(path)
        if name not in now:
            found.append(Leftover(path, size, removed.get(name, modified), name not in removed))
    return found


def expired(found: list[Leftover], snapshot: Snapshot, now: dt.datetime | None = None) -> list[Leftover]:
    """Those that are older than the table keeps them for, which a vacuum deletes."""
    limit = (now or dt.datetime.now(dt.UTC)) - retention(snapshot.properties, REMOVED_FILES)
    return [file for file in found if file.since < limit]


def _files(root: str) -> Iterator[tuple[str, int, dt.datetime]]:
    """Path, size and time of each Parquet file below a folder; names that begin with `_` or `.` are not the table's."""
    from pyarrow import fs

    system, inside = file_system(root)
    for info in sorted(system.get_file_info(fs.FileSelector(inside, recursive=True)), key=lambda info: info.path):
        below = info.path.removeprefix(inside).lstrip("/")
        is_hidden = any(part[0] in "_." and "=" not in part for part in below.split("/"))
        if info.is_file and below.endswith(".parquet") and not is_hidden:
            yield f"{root}/{below}", info.size, info.mtime


def _removed(snapshot: Snapshot) -> dict[str, dt.datetime]:
    """When each file was removed that the log still tells of."""
    from pyarrow import fs

    system, inside = file_system(f"{snapshot.path}/_delta_log")
    names = sorted(info.base_name for info in system.get_file_info(fs.FileSelector(inside)))
    found: dict[str, dt.datetime] = {}
    for action in _removals(snapshot.path, names):
        when = dt.datetime.fromtimestamp((action.get("deletionTimestamp") or 0) / 1000, dt.UTC)
        found[_comparable(path_of_file(snapshot.path, action["path"]))] = when
    return found


def _removals(root: str, names: list[str]) -> Iterator[dict[str, Any]]:
    """The removals in the newest checkpoint, and in every commit that the log has."""
    import pyarrow.parquet as pq

    checkpoints = [name for name in names if ".checkpoint" in name and name.endswith(".parquet")]
    newest = checkpoints[-1][:20] if checkpoints else None
    for name in checkpoints:
        if name.startswith(str(newest)):
            with open_file(f"{root}/_delta_log/{name}") as file:
                for batch in pq.ParquetFile(file).iter_batches(columns=["remove.path", "remove.deletionTimestamp"]):
                    yield from (row["remove"] for row in batch.to_pylist() if row["remove"])
    for name in names:
        if name.endswith(".json") and name[:20].isdigit():
            with open_file(f"{root}/_delta_log/{name}") as file:
                lines = bytes(file.read()).splitlines()
            yield from (json.loads(line)["remove"] for line in lines if line.startswith(b'{"remove"'))


def _comparable(path: str) -> str:
    return path.removeprefix("file://")
