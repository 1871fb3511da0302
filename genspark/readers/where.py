"""Which files of a version hold the rows that are asked for, by the values of their partition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genspark.errors import SchemaError, SourceError, did_you_mean
from genspark.readers.log import LoggedFile, Version

Where = Mapping[str, Any]
"""A value, or a list of values, for each of some partition columns; None stands for null."""


def matching(version: Version, where: Where | None) -> tuple[LoggedFile, ...]:
    """The files whose partition has one of the values asked for, in each of the columns.

    Raises SchemaError for a column that the table is not partitioned by, and SourceError where there is no such value.
    """
    for name in where or {}:
        if name not in version.partition_by:
            is_column = any(column.name == name for column in version.columns)
            told = f"the table is partitioned by {list(version.partition_by)}" if is_column else "there is none"
            raise SchemaError(
                f"where: {name!r} is no partition column ({told}){did_you_mean(name, version.partition_by)}; "
                "write the table with `partition_by`, or read all rows"
            )
    files = version.files
    for name, asked in (where or {}).items():
        values = _texts(asked)
        found = tuple(file for file in files if _text(file.partition[name]) in values)
        if files and not found:
            there = sorted({str(file.partition[name]) for file in files})
            raise SourceError(f"where: no row has {name} {asked!r}{did_you_mean(str(asked), there)}")
        files = found
    return files


def _texts(asked: Any) -> frozenset[str | None]:
    is_many = isinstance(asked, list | tuple | set | frozenset)
    return frozenset(_text(value) for value in (asked if is_many else [asked]))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
