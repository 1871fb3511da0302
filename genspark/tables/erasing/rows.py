"""Persons' rows in a Delta table: found, and its files written anew without them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from genspark.errors import SourceError
from genspark.sinks.formats.delta.rewriting import refuse_rewriting
from genspark.storage.files import delete
from genspark.storage.object_stores import one_line
from genspark.tables.compaction import put_anew, rows_of
from genspark.tables.erasing.persons import Persons
from genspark.tables.erasing.searching import tells
from genspark.tables.footers import Tell, silent
from genspark.tables.inspection import inspect
from genspark.tables.leftovers import leftovers
from genspark.tables.rows import batches, refuse_vectors, with_partition
from genspark.tables.snapshot import DataFile, Snapshot, open_delta, read_snapshot
from genspark.version import VERSION


@dataclass
class Theirs:
    """Persons' rows in a version of a table: how many, in which files, of which files of the source, and their ids.

    `is_known`: whether every one of them tells its file of the source.
    """

    snapshot: Snapshot
    rows: int = 0
    files: list[DataFile] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    ids: set[int] = field(default_factory=set)
    is_known: bool = True


def find(
    path: str, persons: Persons, of_source: str, ids_of: Callable[[pl.DataFrame], set[int]], tell: Tell = silent
) -> Theirs:
    """Persons' rows in the newest version of a table; `of_source` is its column with the URI of a row's file.

    `ids_of` gives the ids of rows, the hashes of their keys. Raises SourceError where a file cannot be read: they may
    be in it.
    """
    snapshot = read_snapshot(path)
    if snapshot.protocol is None:
        raise SourceError(f"{path}: rows are erased from Delta tables alone; write the folder anew without them")
    refuse_vectors(snapshot)
    found = Theirs(snapshot)
    for done, file in enumerate(snapshot.files, start=1):
        before = found.rows
        try:
            for rows in _rows_in(file, persons):
                named = rows[of_source].to_list() if of_source in rows.columns else [None]
                found.rows += rows.height
                found.sources.update(name for name in named if name)
                found.is_known &= None not in named
                found.ids |= ids_of(rows)
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise SourceError(f"{snapshot.path}: {file.name} cannot be read ({one_line(error)})") from None
        if found.rows > before:
            found.files.append(file)
        tell(done, len(snapshot.files))
    return found


def _rows_in(file: DataFile, persons: Persons) -> Iterator[pl.DataFrame]:
    for _, batch in batches(file):
        frame = with_partition(pl.DataFrame(batch), file)
        rows = frame.filter(persons.rows(frame.schema))
        if rows.height:
            yield rows


def write_without(theirs: Theirs, persons: Persons, tell: Tell = silent) -> int:
    """Write the files anew without their rows, in one commit, which tells of no value; return the version made.

    Order and layout of the others stay. Raises SinkError, after which nothing has changed.
    """
    snapshot, run_id = theirs.snapshot, uuid.uuid4().hex
    table = open_delta(snapshot.path)
    refuse_rewriting(table, snapshot.path)
    inspection = inspect(snapshot.path, footers=None, orders=0)
    dataset = rows_of(snapshot, table)
    groups = _groups(theirs, is_global=inspection.targets.is_global)
    metadata = {"genspark": VERSION, "maintenance": "erase", "rows": {"erased": theirs.rows}}
    keep = ~persons.rows(dataset.schema)
    version, _ = put_anew(inspection, dataset, groups, run_id, metadata, tell, keep, theirs.rows)
    return version


def _groups(theirs: Theirs, *, is_global: bool) -> Sequence[Sequence[DataFile]]:
    if not is_global:
        return [[file] for file in theirs.files]
    # Names sort in the order of rows, which new names of some files would not.
    touched = {file.partition for file in theirs.files}
    return [files for partition, files in theirs.snapshot.partitions().items() if partition in touched]


def delete_old(path: str, persons: Persons) -> int:
    """Delete the files of older versions, and those that no version names, that tell of them; return their number."""
    snapshot = read_snapshot(path)
    doomed = [file.path for file in leftovers(snapshot) if tells(file.path, persons)]
    for file in doomed:
        delete(file)
    return len(doomed)
