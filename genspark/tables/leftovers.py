"""Files below a table's folder that its newest version does not name: of older versions, or of runs that died."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from genspark.sources.formats.delta import path_of_file
from genspark.storage.files import file_system
from genspark.storage.stores import open_file
from genspark.tables.snapshot import Snapshot


@dataclass(frozen=True)
class Leftover:
    """A Parquet file that the newest version does not name; `since` is when it was removed, or else written.

    `removed_by` is the version that removed it, at the latest; None for an orphan, which no version that the log knows
    names.
    """

    path: str
    size: int
    since: dt.datetime
    removed_by: int | None

    @property
    def is_orphan(self) -> bool:
        """Whether no version names it."""
        return self.removed_by is None


def leftovers(snapshot: Snapshot) -> list[Leftover]:
    """The files left over, by path. Raises OSError or ValueError."""
    removed = _removed(snapshot) if snapshot.protocol else {}
    now = {_comparable(file.path) for file in snapshot.files}
    found = []
    for path, size, modified in _files(snapshot.path):
        name = _comparable(path)
        if name not in now:
            by, since = removed.get(name, (None, modified))
            found.append(Leftover(path, size, since, by))
    return found


def expired(found: Iterable[Leftover], keep: dt.timedelta) -> list[Leftover]:
    """Those that are left over for longer than a span, which a vacuum deletes."""
    limit = dt.datetime.now(dt.UTC) - keep
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


def _removed(snapshot: Snapshot) -> dict[str, tuple[int | None, dt.datetime]]:
    """The version that removed a file, and when, for each of which the log still tells."""
    from pyarrow import fs

    system, inside = file_system(f"{snapshot.path}/_delta_log")
    names = sorted(info.base_name for info in system.get_file_info(fs.FileSelector(inside)))
    found: dict[str, tuple[int | None, dt.datetime]] = {}
    for version, action in _removals(snapshot.path, names):
        when = dt.datetime.fromtimestamp((action.get("deletionTimestamp") or 0) / 1000, dt.UTC)
        found[_comparable(path_of_file(snapshot.path, action["path"]))] = version, when
    return found


def _removals(root: str, names: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The removals in the newest checkpoint and in every commit that the log has, each with its version."""
    import pyarrow.parquet as pq

    checkpoints = [name for name in names if ".checkpoint" in name and name.endswith(".parquet")]
    newest = checkpoints[-1][:20] if checkpoints else ""
    for name in checkpoints:
        if name.startswith(newest):
            with open_file(f"{root}/_delta_log/{name}") as file:
                for batch in pq.ParquetFile(file).iter_batches(columns=["remove.path", "remove.deletionTimestamp"]):
                    yield from ((int(newest), row["remove"]) for row in batch.to_pylist() if row["remove"])
    for name in names:
        if name.endswith(".json") and name[:20].isdigit():
            with open_file(f"{root}/_delta_log/{name}") as file:
                lines = bytes(file.read()).splitlines()
            for line in lines:
                if line.startswith(b'{"remove"'):
                    yield int(name[:20]), json.loads(line)["remove"]


def _comparable(path: str) -> str:
    return path.removeprefix("file://")
