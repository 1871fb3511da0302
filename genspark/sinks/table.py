"""A Delta table as a job finds it and leaves it, and whether a sink fits it: the same for every writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genspark.config import Sink
from genspark.errors import SinkError, TargetError, did_you_mean
from genspark.storage.files import is_empty, why_not_writable

# Statistics of one column: trainers read whole files, and the rest cost a quarter of the write.
NEW_TABLE = {"delta.dataSkippingNumIndexedCols": "1"}


@dataclass(frozen=True)
class Table:
    """A Delta table as it was found; `version` is None where there was none."""

    path: str
    version: int | None = None
    partition_by: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Commit:
    """What a write did: the table's new version, rows, files and bytes."""

    version: int
    rows: int
    files: int
    bytes: int


def absent(path: str, place: str) -> Table:
    """The table that may be made at a path where none is. Raises TargetError where it may not."""
    if not is_empty(path):
        raise TargetError(
            f"{place}: {path} holds files and is not a Delta table; choose an empty folder, or clear it first"
        )
    refusal = why_not_writable(path)
    if refusal:
        raise TargetError(f"{place}: {path} cannot be written ({refusal}); check the path and its permissions")
    return Table(path)


def check(table: Table, sink: Sink, columns: Sequence[str]) -> None:
    """Raise TargetError where the sink does not fit the table or the columns, before any work is done."""
    problems = [
        f"sink.partition_by: {column!r} is not a column of the result{did_you_mean(column, columns)}"
        for column in partitioning(table, sink)
        if column not in columns
    ]
    if set(sink.partition_by) == set(columns):
        problems.append("sink.partition_by: some column must be left that is not a partition")
    if table.version is not None:
        problems += _against(table, sink)
    if problems:
        raise TargetError("; ".join(problems))


def refuse_other_columns(there: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raise SinkError where rows that join others have columns, or types, that the table has not."""
    problems = [f"{name!r} is not a column of the table" for name in here if name not in there]
    problems += [f"{n!r} is {here[n]} and the table has {there[n]}" for n in here if n in there and here[n] != there[n]]
    if problems:
        raise SinkError(f"sink.path: {'; '.join(problems)}; append rows of the same columns, or overwrite the table")


def partitioning(table: Table, sink: Sink) -> tuple[str, ...]:
    """The columns that the written table is partitioned by."""
    is_kept = table.version is not None and (sink.mode == "append" or bool(sink.partitions))
    return (tuple(sink.partition_by) or table.partition_by) if is_kept else tuple(sink.partition_by)


def creation_properties(sink: Sink) -> dict[str, str]:
    """The properties that a new table begins with: Delta's own, which later commits must not change."""
    return {**NEW_TABLE, **{name: value for name, value in sink.properties.items() if name.startswith("delta.")}}


def changed_properties(table: Table, sink: Sink, wanted: Mapping[str, str]) -> dict[str, str]:
    """The properties to be set after the rows' commit: the sink's and the steps', where they are not there."""
    there = table.properties if table.version is not None else creation_properties(sink)
    return {name: value for name, value in {**wanted, **sink.properties}.items() if there.get(name) != value}


def _against(table: Table, sink: Sink) -> list[str]:
    if sink.mode == "overwrite" and table.properties.get("delta.appendOnly") == "true":
        return [
            f"sink.mode: {sink.path} is append-only (delta.appendOnly); set sink.mode to append, or change the path"
        ]
    if sink.mode == "error":
        return [f"sink.path: {sink.path} is already a table; set sink.mode to overwrite or append, or change the path"]
    replaced_whole = sink.mode == "overwrite" and not sink.partitions
    if replaced_whole or not sink.partition_by or tuple(sink.partition_by) == table.partition_by:
        return []
    return [
        f"sink.partition_by: {list(sink.partition_by)} differs from the table's {list(table.partition_by)}; "
        "only an overwrite of the whole table can change it"
    ]
