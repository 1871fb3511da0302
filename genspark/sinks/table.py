"""Tables as a job finds and leaves them, and the checks of a sink's section against them, for every writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genspark.columns.dtypes import Schema
from genspark.errors import TargetError, did_you_mean
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.marks import marks_of
from genspark.sinks.section import Section
from genspark.storage.files import is_empty, why_not_writable

# Statistics of one column: trainers read whole files, and the rest cost a quarter of the write.
NEW_TABLE = {"delta.dataSkippingNumIndexedCols": "1"}


@dataclass(frozen=True)
class Table:
    """A table as it was found; `version` is None where there was none. `columns` are all of its columns."""

    path: str
    version: int | None = None
    partition_by: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    columns: Schema = field(default_factory=dict)


@dataclass(frozen=True)
class PastRun:
    """A run that was committed: by which version, and its commit's metadata.

    `is_latest`: no later commit changed rows, but for maintenance; `is_replaced`: one replaced the whole table. Where
    the log has forgotten the commit and only knows that it was made, `version` is the last it can have been, and
    `metadata` is empty.
    """

    version: int
    metadata: Mapping[str, Any]
    is_latest: bool
    is_replaced: bool = False


@dataclass(frozen=True)
class Commit:
    """The result of a write: the table's new version, and the rows, files and bytes that were added.

    `paths` are those of the files, relative to the table, where the sink knows them. `shared_ids` are the rows that
    have the `_row_id` of another of them; None where that was not counted. `off` is what does not fit the layout
    that the table tells.
    """

    version: int
    rows: int
    files: int
    bytes: int
    paths: tuple[str, ...] = ()
    shared_ids: int | None = None
    off: tuple[str, ...] = ()

    @classmethod
    def of(cls, version: int, files: Sequence[WrittenFile]) -> Commit:
        """The commit that made this version by adding these files."""
        rows, size = sum(file.rows for file in files), sum(file.size for file in files)
        return cls(version, rows, len(files), size, tuple(file.path for file in files))


def absent(path: str, place: str, noun: str) -> Table:
    """The absent table at a path where one can be made; `noun` says what. Raises TargetError where none can be.

    Files of a run that began in an empty folder, and may be at work, are nobody else's.
    """
    if not is_empty(path) and not any(mark.is_new for mark in marks_of(path)):
        raise TargetError(f"{place}: {path} holds files and is not {noun}; choose an empty folder, or clear it first")
    refusal = why_not_writable(path)
    if refusal:
        raise TargetError(f"{place}: {path} cannot be written ({refusal}); check the path and its permissions")
    return Table(path)


def refuse_misfits(table: Table, section: Section, columns: Sequence[str]) -> None:
    """Raise TargetError where the section does not fit the table or the columns."""
    problems = [
        f"sink.partition_by: {column!r} is not a column of the result{did_you_mean(column, columns)}"
        for column in partitioning(table, section)
        if column not in columns
    ]
    if set(section.partition_by) == set(columns):
        problems.append("sink.partition_by: some column must be left that is not a partition")
    if table.version is not None:
        problems += _against(table, section)
    if problems:
        raise TargetError("; ".join(problems))


def partitioning(table: Table, section: Section) -> tuple[str, ...]:
    """The columns that the written table is partitioned by."""
    own = tuple(section.partition_by)
    return own or table.partition_by if keeps_columns(table, section) else own


def keeps_columns(table: Table, section: Section) -> bool:
    """Whether rows are added to a table that is there, or replace some partitions: it keeps its columns then."""
    return table.version is not None and (section.mode == "append" or bool(section.partitions))


def wanted_properties(table: Table, section: Section, wanted: Mapping[str, str]) -> dict[str, str]:
    """The properties of the table after a commit: its own, under those of the steps, under those of the section."""
    return {**(NEW_TABLE if table.version is None else table.properties), **wanted, **section.properties}


def _against(table: Table, section: Section) -> list[str]:
    if section.mode == "overwrite" and table.properties.get("delta.appendOnly") == "true":
        return [
            f"sink.mode: {section.path} is append-only (delta.appendOnly); set sink.mode to append, or change the path"
        ]
    if section.mode == "error":
        return [
            f"sink.path: {section.path} is already a table; set sink.mode to overwrite or append, or change the path"
        ]
    replaced_whole = section.mode == "overwrite" and not section.partitions
    if replaced_whole or not section.partition_by or tuple(section.partition_by) == table.partition_by:
        return []
    return [
        f"sink.partition_by: {list(section.partition_by)} differs from the table's {list(table.partition_by)}; "
        "only an overwrite of the whole table can change it"
    ]
