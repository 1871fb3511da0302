"""Maintenance of a Delta table: what is off is compacted, what nobody needs deleted, and retention raised."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from genspark.errors import ConfigError, SinkError
from genspark.storage.object_stores import one_line
from genspark.storage.sizes import counted, size_text
from genspark.tables.compaction import Compaction, compact, to_rewrite
from genspark.tables.durations import LOG, PROPOSED, REMOVED_FILES, interval, retention, span_text
from genspark.tables.footers import Tell, silent
from genspark.tables.inspection import MOST_FOOTERS, MOST_ORDERS, Inspection, inspect
from genspark.tables.snapshot import Snapshot, open_delta
from genspark.tables.vacuum import Vacuum, vacuum


@dataclass(frozen=True)
class Wanted:
    """What is to be done: nothing named is everything that is off. `retain` is the span to keep files and log for.

    `is_forced`: files may be deleted, and retention shortened, below what the table says.
    """

    compacts: bool = False
    vacuums: bool = False
    retain: dt.timedelta | None = None
    is_forced: bool = False

    @property
    def is_all(self) -> bool:
        """Whether nothing is named."""
        return not (self.compacts or self.vacuums or self.retain is not None)


@dataclass(frozen=True)
class Done:
    """What was done, or with `is_dry` would be; None for what was not asked for, or not needed."""

    path: str
    is_dry: bool
    retention: dict[str, str] | None = None
    compaction: Compaction | None = None
    vacuum: Vacuum | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as `genspark maintain --json` prints it."""
        parts = {"compaction": self.compaction, "vacuum": self.vacuum}
        told = {name: part and dict(vars(part)) for name, part in parts.items()}
        return {"table": self.path, "dry_run": self.is_dry, "retention": self.retention, **told}

    def lines(self) -> list[tuple[str, str]]:
        """(label, value) pairs in the order a person reads them."""
        pairs = [("table", self.path)]
        pairs += [("retention", f"{name} = {value}") for name, value in (self.retention or {}).items()]
        if self.compaction:
            pairs.append(("compacted", _compacted(self.compaction)))
        if self.vacuum:
            pairs.append(("vacuumed", _vacuumed(self.vacuum)))
        if len(pairs) == 1:
            pairs.append(("nothing", "is off that could be mended here: see genspark inspect"))
        return [*pairs, ("dry run", "nothing was changed")] if self.is_dry else pairs


def maintain(path: str, wanted: Wanted, *, dry_run: bool = False, all_rows: bool = False, tell: Tell = silent) -> Done:
    """Do what is wanted to the table at a path. `all_rows`: the order of rows is checked in every file.

    Retention is raised first, so that no vacuum takes what it keeps. Raises SinkError or ConfigError.
    """
    seen = inspect(path, footers=None, orders=None if all_rows else MOST_ORDERS, tell=tell)
    if seen.snapshot.protocol is None:
        raise SinkError(f"{path}: is no Delta table; genspark run with sink.mode: overwrite writes the folder anew")
    done = Done(path, dry_run)
    if wanted.is_all or wanted.retain is not None:
        done = replace(done, retention=_raised(seen.snapshot, wanted, dry_run=dry_run))
    if wanted.is_all or wanted.compacts:
        done = replace(done, compaction=_compacted_files(seen, dry_run=dry_run, tell=tell))
    if wanted.is_all or wanted.vacuums:
        now = seen if dry_run else inspect(path, footers=MOST_FOOTERS, orders=0)
        keep = retention(now.snapshot.properties, REMOVED_FILES)
        if wanted.is_forced and wanted.retain is not None:
            keep = wanted.retain
        gone = vacuum(now.snapshot, now.leftovers, keep, dry_run=dry_run)
        done = replace(done, vacuum=gone if gone.files or wanted.vacuums else None)
    return done


def _raised(snapshot: Snapshot, wanted: Wanted, *, dry_run: bool) -> dict[str, str] | None:
    """The properties set so that removed files and the log are kept for long enough; None where they are."""
    span = PROPOSED if wanted.retain is None else wanted.retain
    kept = {name: retention(snapshot.properties, name) for name in (REMOVED_FILES, LOG)}
    shorter = [name for name, now in kept.items() if wanted.retain is not None and span < now]
    if shorter and not wanted.is_forced:
        raise ConfigError(
            f"--retain: {span_text(span)} is shorter than {shorter[0]} of {snapshot.path}, which is "
            f"{span_text(kept[shorter[0]])}, and versions could no longer be read; add --force to shorten it"
        )
    new = {name: interval(span) for name, now in kept.items() if now < span or name in shorter}
    if new and not dry_run:
        try:
            open_delta(snapshot.path).alter.set_table_properties(new)
        except Exception as error:
            raise SinkError(f"{snapshot.path}: {one_line(error)}") from None
    return new or None


def _compacted_files(seen: Inspection, *, dry_run: bool, tell: Tell) -> Compaction | None:
    groups = to_rewrite(seen)
    if not groups:
        return None
    if not dry_run:
        return compact(seen, groups, tell)
    files = [file for group in groups for file in group]
    return Compaction(len(files), sum(file.size for file in files), len({file.partition for file in files}))


def _compacted(done: Compaction) -> str:
    before = f"{counted(done.files, 'file')} ({size_text(done.bytes)}) of {counted(done.partitions, 'partition')}"
    if done.added is None or done.added_bytes is None:
        return before
    return f"{before} to {done.added:,} ({size_text(done.added_bytes)}), as version {done.version}"


def _vacuumed(done: Vacuum) -> str:
    told = f"{counted(done.files, 'file')} ({size_text(done.bytes)})"
    return f"{told}; versions before {done.readable_from} can no longer be read" if done.readable_from else told
