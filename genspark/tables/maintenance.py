"""Maintenance of a Delta table: what an inspection found is mended, as far as its files and properties go."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from genspark.errors import SinkError, TargetError
from genspark.storage.object_stores import one_line
from genspark.storage.sizes import counted, size_text
from genspark.tables.compaction import Compaction, compact, to_rewrite
from genspark.tables.durations import LOG, PROPOSED, REMOVED_FILES, interval, retention, span_text
from genspark.tables.findings import Finding, findings
from genspark.tables.footers import Tell, silent
from genspark.tables.inspection import MOST_ORDERS, Inspection, inspect
from genspark.tables.leftovers import expired, leftovers
from genspark.tables.snapshot import Snapshot, open_delta, read_snapshot
from genspark.tables.vacuum import Vacuum, vacuum

Phase = Callable[[str], contextlib.AbstractContextManager[Tell]]


def quiet(_: str) -> contextlib.AbstractContextManager[Tell]:
    """The phase that nobody hears of."""
    return contextlib.nullcontext(silent)


@dataclass(frozen=True)
class Wanted:
    """What is to be done; `retain` is how long removed files and the log are to be kept, None: as now."""

    compact: bool = False
    vacuum: bool = False
    retain: dt.timedelta | None = None


EVERYTHING = Wanted(compact=True, vacuum=True, retain=PROPOSED)
"""What is done where nothing is named; a retention that is longer than proposed stays."""


@dataclass(frozen=True)
class Maintenance:
    """What was done, or would be (`dry_run`); None for what was not asked for, or not needed.

    `retained` maps properties to their new values. `left` is what maintenance cannot mend.
    """

    table: str
    dry_run: bool
    retained: dict[str, str] | None
    compacted: Compaction | None
    vacuumed: Vacuum | None
    left: list[Finding]
    version: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as `genspark maintain --json` prints it."""
        return asdict(self)

    def lines(self) -> list[tuple[str, str]]:
        """(label, value) pairs for a person."""
        would = "would be " if self.dry_run else ""
        retained = [f"{name} {would}set to {value!r}" for name, value in (self.retained or {}).items()]
        return [
            ("table", f"{self.table} (version {self.version})"),
            ("retention", "; ".join(retained) or "as it was"),
            ("compacted", self._compacted()),
            ("vacuumed", self._vacuumed()),
        ]

    def _compacted(self) -> str:
        done = self.compacted
        if done is None:
            return "nothing"
        files = f"{counted(done.files, 'file')} ({size_text(done.bytes)}) in {counted(done.partitions, 'partition')}"
        if done.added is None or done.added_bytes is None:
            return f"{files} would be written anew"
        return f"{files} became {counted(done.added, 'file')} ({size_text(done.added_bytes)})"

    def _vacuumed(self) -> str:
        done = self.vacuumed
        if done is None or not done.files:
            return "nothing"
        how = "would be deleted" if self.dry_run else "deleted"
        lost = f"; versions before {done.readable_from} cannot be read any more" if done.readable_from else ""
        return f"{counted(done.files, 'file')} ({size_text(done.bytes)}) {how}{lost}"


def maintain(
    path: str,
    wanted: Wanted | None = None,
    *,
    dry_run: bool = False,
    force: bool = False,
    orders: int | None = MOST_ORDERS,
    phase: Phase = quiet,
) -> Maintenance:
    """Raise retention, compact and vacuum, in this order; None: each as far as it is needed.

    `orders` are the files in which the order of rows is checked, at most; None: all. `phase` takes the name of what is
    done in a block and gives what hears of its progress. Raises TargetError for a table that is no Delta table, or if
    files would be kept for less long than the table says, without `force`; SinkError where another writer was in the
    way.
    """
    snapshot = read_snapshot(path)
    if snapshot.protocol is None:
        raise TargetError(f"{path}: only Delta tables are maintained; write a folder anew with sink.mode: overwrite")
    asked = wanted or EVERYTHING
    retained = _retained(snapshot, asked.retain, force=force, may_shorten=wanted is not None)
    if retained and not dry_run:
        _set_properties(snapshot.path, retained)
    properties = {**snapshot.properties, **retained}
    with phase("reading footers") as tell:
        before = inspect(path, footers=None, orders=orders if asked.compact else 0, tell=tell)
    compacted = vacuumed = None
    if asked.compact:
        with phase("compacting") as tell:
            compacted = _compacted(before, dry_run=dry_run, tell=tell)
    if asked.vacuum:
        keep, now = retention(properties, REMOVED_FILES), read_snapshot(path)
        vacuumed = vacuum(now, expired(leftovers(now), keep), keep, dry_run=dry_run)
    after = before if dry_run or not compacted else inspect(path, footers=None, orders=orders)
    left = [finding for finding in findings(after) if "genspark maintain" not in finding.remedy]
    version = read_snapshot(path).version
    return Maintenance(snapshot.path, dry_run, retained or None, compacted, vacuumed, left, version)


def _retained(snapshot: Snapshot, wanted: dt.timedelta | None, *, force: bool, may_shorten: bool) -> dict[str, str]:
    """The properties to set so that removed files and the log are kept for so long."""
    changed = {}
    for name in (REMOVED_FILES, LOG) if wanted is not None else ():
        now = retention(snapshot.properties, name)
        if wanted is None or wanted == now or (wanted < now and not may_shorten):
            continue
        if wanted < now and not force:
            what = "removed files" if name == REMOVED_FILES else "its log"
            raise TargetError(
                f"--retain: {snapshot.path} keeps {what} for {span_text(now)}, and readers of older versions may rely "
                f"on it; add --force to keep them for {span_text(wanted)} alone"
            )
        changed[name] = interval(wanted)
    return changed


def _set_properties(path: str, properties: dict[str, str]) -> None:
    from deltalake.exceptions import DeltaError

    try:
        open_delta(path).alter.set_table_properties(properties, raise_if_not_exists=False)
    except (DeltaError, OSError) as error:
        raise SinkError(f"{path}: {one_line(error)}") from None


def _compacted(inspection: Inspection, *, dry_run: bool, tell: Tell) -> Compaction | None:
    groups = to_rewrite(inspection)
    if not groups:
        return None
    if not dry_run:
        return compact(inspection, groups, tell)
    files = [file for group in groups for file in group]
    return Compaction(len(files), sum(file.size for file in files), len({file.partition for file in files}))
