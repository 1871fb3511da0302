"""A commit to a Delta table's log, written here: deltalake commits files, or properties, but not both at once.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md has the actions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from genspark.sinks.files.written import WrittenFile, as_text
from genspark.storage.added_files import added_files
from genspark.storage.exclusive import write_new
from genspark.version import VERSION

_MODES = {"append": "Append", "overwrite": "Overwrite", "error": "ErrorIfExists"}
"""The modes of `sink.mode` in Delta's words."""


class OvertakenError(Exception):
    """Another writer took the version."""


@dataclass(frozen=True)
class LogCommit:
    """Files added and removed, the table's definition where it changes, and the run that does it: all or nothing.

    `mode` is that of the sink, and `removed` are files as `active_files` gives them. `transaction` is (application,
    version), for writers that look whether theirs was made. `is_maintenance`: the same rows in other files, which
    readers of changes pass over. `operation` is what the history calls it, where that is not of the mode.
    """

    mode: str
    run: Mapping[str, Any]
    added: Sequence[WrittenFile]
    removed: Sequence[Mapping[str, Any]] = ()
    definition: Sequence[Mapping[str, Any]] = ()
    transaction: tuple[str, int] | None = None
    is_maintenance: bool = False
    operation: str | None = None

    def put(self, table: str, version: int) -> None:
        """Make this the version of the table. Raises OvertakenError where there is one, and OSError."""
        text = "".join(f"{json.dumps(action, ensure_ascii=False)}\n" for action in self._actions(version))
        try:
            write_new(f"{table}/_delta_log/{version:020}.json", text)
        except FileExistsError:
            raise OvertakenError from None

    def _actions(self, version: int) -> list[Mapping[str, Any]]:
        now = int(time.time() * 1000)
        actions: list[Mapping[str, Any]] = [{"commitInfo": self._info(version, now)}, *self.definition]
        if self.transaction:
            application, number = self.transaction
            actions.append({"txn": {"appId": application, "version": number, "lastUpdated": now}})
        changes = not self.is_maintenance
        gone = {"deletionTimestamp": now, "dataChange": changes, "extendedFileMetadata": True}
        actions += [{"remove": {**file, **gone}} for file in self.removed]
        return actions + [{"add": {**_added(file), "dataChange": changes}} for file in self.added]

    def _info(self, version: int, now: int) -> dict[str, Any]:
        metrics = {
            "numFiles": len(self.added),
            "numOutputRows": sum(file.rows for file in self.added),
            "numOutputBytes": sum(file.size for file in self.added),
            "numRemovedFiles": len(self.removed),
        }
        operation = self.operation or ("OPTIMIZE" if self.is_maintenance else "WRITE")
        return {
            "timestamp": now,
            "operation": operation,
            "operationParameters": {"mode": _MODES[self.mode]} if operation == "WRITE" else {},
            **({"readVersion": version - 1} if version else {}),
            # Spark's writers let appends pass that read nothing.
            "isBlindAppend": not self.removed,
            "operationMetrics": {name: str(value) for name, value in metrics.items()},
            "userMetadata": json.dumps(self.run),
            "engineInfo": f"genspark/{VERSION}",
        }


def _added(file: WrittenFile) -> dict[str, Any]:
    return {
        "path": quote(file.path, safe="/="),
        "partitionValues": dict(file.partition),
        "size": file.size,
        "modificationTime": file.modified,
        "stats": file.stats,
    }


def active_files(table: Any, partitions: Mapping[str, Sequence[str | None]] | None = None) -> list[dict[str, Any]]:
    """The files of a deltalake table, or of some of its partitions, for a commit that removes them."""
    actions = added_files(table)
    told = [name for name in ("path", "size_bytes", "partition") if name in actions.column_names]
    found = []
    for file in actions.select(told).to_pylist():
        values = {name: as_text(value) for name, value in (file.get("partition") or {}).items()}
        if all(values[column] in named for column, named in (partitions or {}).items()):
            found.append({"path": file["path"], "size": file["size_bytes"], "partitionValues": values})
    return found
