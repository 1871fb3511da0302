"""The history of a Delta table: the commits that its rows are from, and the run that made each."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genspark.errors import AlreadyCommittedError, SinkError, SourceOvertakenError
from genspark.sinks.table import PastRun

_RESTORE = "RESTORE"
_MAINTENANCE = {
    "ADD COLUMN",
    "ADD COLUMNS",
    "ADD FEATURE",
    "CHANGE COLUMN",
    "CHANGE COLUMNS",
    "CLUSTER BY",
    "COMPUTE STATS",
    "FSCK",
    "OPTIMIZE",
    "REORG",
    "SET TBLPROPERTIES",
    "UNSET TBLPROPERTIES",
    "UPGRADE PROTOCOL",
    "VACUUM END",
    "VACUUM START",
}
"""What changes no row."""


def application(key: str) -> str:
    """The application of a run's transaction in the log, by the run's key."""
    return f"genspark:{key}"


@dataclass(frozen=True)
class Entry:
    """A commit in the history.

    `run` is what the run that made it tells of itself, empty for others; `read` the version that it saw, where known.
    """

    version: int
    operation: str
    run: Mapping[str, Any]
    parameters: Mapping[str, Any]
    metrics: Mapping[str, Any]
    made: dt.datetime
    read: int | None

    @classmethod
    def of(cls, commit: Mapping[str, Any]) -> Entry:
        """The entry of a commit as deltalake or Spark's DESCRIBE HISTORY gives it."""
        made = commit["timestamp"]
        return cls(
            commit["version"],
            str(commit.get("operation") or ""),
            _run(commit.get("userMetadata")),
            commit.get("operationParameters") or {},
            commit.get("operationMetrics") or {},
            made if isinstance(made, dt.datetime) else dt.datetime.fromtimestamp(made / 1000, dt.UTC),
            commit.get("readVersion"),
        )

    @property
    def changes_rows(self) -> bool:
        """Whether the commit may have changed the table's rows."""
        return self.operation not in _MAINTENANCE

    @property
    def replaces_all(self) -> bool:
        """Whether the commit left no row of before."""
        if "mode" in self.run:
            return bool(self.run["mode"] == "overwrite")
        is_whole = self.parameters.get("mode") == "Overwrite" and not self.parameters.get("predicate")
        return is_whole or "REPLACE TABLE" in self.operation

    @property
    def who(self) -> str:
        """The version and the run that made it, for a message."""
        run = f"run {self.run['run_id']}" if "run_id" in self.run else "another writer"
        job = f" of job {self.run['job']!r}" if self.run.get("job") else ""
        return f"version {self.version} ({self.operation}) by {run}{job}"


def past_run(history: Sequence[Entry], key: str) -> PastRun | None:
    """The run with this key whose rows are in the table, or were until others' replaced them; None for none.

    A commit behind which the table was restored does not count.
    """
    changed = [entry for entry in _lineage(history) if entry.changes_rows and entry.operation != _RESTORE]
    for place, entry in enumerate(changed):
        if entry.run.get("key") == key:
            is_replaced = any(later.replaces_all for later in changed[:place])
            return PastRun(entry.version, entry.run, is_latest=place == 0, is_replaced=is_replaced)
    return None


def latest_run(history: Sequence[Entry], job: str) -> PastRun | None:
    """The last run of a job that tells of its source's files and whose rows are in the table; None for none.

    None, too, where another writer has replaced the whole table since.
    """
    changed = [entry for entry in _lineage(history) if entry.changes_rows and entry.operation != _RESTORE]
    for place, entry in enumerate(changed):
        if entry.run.get("job") == job and "source_list" in entry.run:
            return PastRun(entry.version, entry.run, is_latest=place == 0)
        if entry.replaces_all:
            return None
    return None


def forgotten_run(history: Sequence[Entry], key: str) -> PastRun | None:
    """The run with this key that a checkpoint tells of, where the log before some commit is deleted and may have it."""
    if not history or history[-1].version == 0 or any(entry.run.get("key") == key for entry in history):
        return None
    return PastRun(history[-1].version - 1, {}, is_latest=not any(entry.changes_rows for entry in history))


def changed_since(history: Sequence[Entry], version: int | None) -> list[Entry]:
    """The commits since a version that changed rows and were not undone, newest first; None: since the beginning."""
    found = -1 if version is None else version
    return [
        entry
        for entry in _lineage(history)
        if entry.version > found
        and entry.changes_rows
        and (entry.operation != _RESTORE or _restored(entry, history) < found)
    ]


def refuse_the_same(changed: Sequence[Entry], metadata: Mapping[str, Any], where: str) -> None:
    """Raise AlreadyCommittedError where another process committed a run of the same key meanwhile."""
    twin = next((entry for entry in changed if metadata.get("key") and entry.run.get("key") == metadata["key"]), None)
    if twin and twin.run.get("run_id") != metadata.get("run_id"):
        raise AlreadyCommittedError(
            f"{where}: the same run was committed by another process meanwhile, as {twin.who}; "
            "its rows are in the table once, and there is nothing left to do"
        )


def refuse_of_same_source(changed: Sequence[Entry], metadata: Mapping[str, Any], where: str) -> None:
    """Raise SourceOvertakenError where the files of a source that a run has for new may no longer be the new ones.

    Another run of the job added some of them, whatever else it added, or what was in the table is there no more.
    """
    if not metadata.get("adds_new"):
        return
    other = next((entry for entry in changed if _moves_the_source(entry, metadata)), None)
    if other:
        raise SourceOvertakenError(
            f"{where}: {other.who} came first, and which files of the source are new has to be looked at again; this "
            "run has changed nothing"
        )


def refuse_overtaken(changed: Sequence[Entry], where: str) -> None:
    """Raise SinkError for an overwrite of what was changed meanwhile."""
    if changed:
        raise SinkError(
            f"{where}: {changed[0].who} came first, and an overwrite would lose its rows; this run has changed "
            "nothing: run it again to replace them too, or let one job alone write this table"
        )


def _moves_the_source(entry: Entry, metadata: Mapping[str, Any]) -> bool:
    is_of_the_job = entry.run.get("job") == metadata["job"] and "source_list" in entry.run
    is_another = entry.run.get("run_id") != metadata["run_id"]
    return is_another and (is_of_the_job or entry.replaces_all or entry.operation == _RESTORE)


def _lineage(history: Sequence[Entry]) -> Iterator[Entry]:
    """The commits without those behind which a RESTORE went, newest first, as the history is given."""
    top: float = math.inf
    for entry in history:
        if entry.version <= top:
            yield entry
            if entry.operation == _RESTORE:
                top = _restored(entry, history)


def _restored(entry: Entry, history: Sequence[Entry]) -> int:
    """The version that a RESTORE went back to."""
    version = entry.parameters.get("version")
    if version is not None:
        return int(version)
    asked = dt.datetime.fromisoformat(str(entry.parameters.get("timestamp") or entry.parameters.get("datetime")))
    when = asked if asked.tzinfo else asked.replace(tzinfo=entry.made.tzinfo)
    return max((one.version for one in history if one.made <= when), default=-1)


def _run(text: Any) -> Mapping[str, Any]:
    """What a commit's metadata tells of its run; nothing where it is not genspark's."""
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
