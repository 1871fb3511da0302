"""Which rows are asked for: the files, by the values of their partition, and the rows of these, by other columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genspark.errors import ConfigError, SchemaError, SourceError, did_you_mean
from genspark.readers.log import Column, LoggedFile, Version
from genspark.storage.object_stores import one_line

if TYPE_CHECKING:
    import polars as pl

Where: TypeAlias = "Mapping[str, Any] | pl.Expr"
"""A value, or a list of values, for each of some columns, None standing for null; or an expression of Polars."""


@dataclass(frozen=True)
class Filter:
    """What rows must have beside the right partition: a condition over columns, which are read for it."""

    columns: tuple[Column, ...]
    where: Mapping[str, Any] | pl.Expr

    def __call__(self, columns: Mapping[str, pa.Array]) -> npt.NDArray[np.bool_]:
        """Which rows pass; those of which the condition is null do not. Raises SchemaError."""
        if isinstance(self.where, Mapping):
            found = pa.repeat(True, len(next(iter(columns.values()))))
            for name, asked in self.where.items():
                found = pc.and_(found, pc.is_in(columns[name], self._values(name, asked)))
            return np.asarray(found)
        import polars as pl

        frame = pl.from_arrow(pa.table(dict(columns)))
        assert isinstance(frame, pl.DataFrame)
        try:
            told = frame.select(self.where.alias("passes"))["passes"]
            halves = (frame.slice(0, len(frame) // 2), frame.slice(len(frame) // 2))
            apart = pl.concat([half.select(self.where.alias("passes"))["passes"] for half in halves])
        except pl.exceptions.PolarsError as error:
            raise SchemaError(f"where: {self.where} cannot be computed: {one_line(error)}") from error
        if told.dtype != pl.Boolean or len(told) != len(frame):
            raise SchemaError(f"where: {self.where} is {told.dtype}; give a condition, true or false for each row")
        if not told.equals(apart, null_equal=True):
            raise SchemaError(
                f"where: {self.where} is not of each row's own values, but of other rows', too, as a mean is; "
                "compute it in the job, as a column"
            )
        return told.fill_null(value=False).to_numpy()

    def _values(self, name: str, asked: Any) -> pa.Array:
        kind = next(column.type for column in self.columns if column.name == name)
        try:
            return pa.array(_many(asked), kind)
        except (pa.ArrowException, OverflowError) as error:
            raise SchemaError(f"where: {asked!r} is no value of {name!r}, which is {kind}: {one_line(error)}") from None


def matching(version: Version, where: Where | None) -> tuple[tuple[LoggedFile, ...], Filter | None]:
    """The files whose partition has one of the values asked for, and what their rows must have beside.

    Raises SchemaError for a column that is not there, SourceError where no partition has such a value, and ConfigError
    for what is no condition.
    """
    by_name = {column.name: column for column in version.columns}
    if where is not None and not isinstance(where, Mapping):
        return version.files, _by_expression(by_name, where)
    files = version.files
    of_rows = {}
    for name, asked in (where or {}).items():
        if name not in by_name:
            raise SchemaError(f"where: {name!r} is no column{did_you_mean(name, by_name)}")
        if name not in version.partition_by:
            of_rows[name] = asked
            continue
        values = frozenset(map(_text, _many(asked)))
        found = tuple(file for file in files if _text(file.partition[name]) in values)
        if files and not found:
            there = sorted({str(file.partition[name]) for file in files})
            raise SourceError(f"where: no row has {name} {asked!r}{did_you_mean(str(asked), there)}")
        files = found
    return files, Filter(tuple(by_name[name] for name in of_rows), of_rows) if of_rows else None


def _by_expression(by_name: Mapping[str, Column], where: Any) -> Filter:
    import polars as pl

    if not isinstance(where, pl.Expr):
        raise ConfigError(f"where: {where!r} is neither a mapping of columns to values nor an expression of Polars")
    names = list(dict.fromkeys(where.meta.root_names()))
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise SchemaError(f"where: {unknown[0]!r} is no column{did_you_mean(unknown[0], by_name)}")
    if not names:
        raise ConfigError(f"where: {where} names no column; give a condition over some")
    return Filter(tuple(by_name[name] for name in names), where)


def _many(asked: Any) -> list[Any]:
    return list(asked) if isinstance(asked, list | tuple | set | frozenset) else [asked]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
