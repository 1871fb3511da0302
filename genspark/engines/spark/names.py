"""Columns of any name on Spark, also with dots, backticks and blanks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw
from narwhals._spark_like.dataframe import SparkLikeLazyFrame

from genspark.engines.spark.functions import functions

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Naming = Callable[[Iterable[str]], Mapping[str, str]]
"""Names that stand beside each other -> the name that each is to have."""


def quoted(column: str) -> str:
    """A column's name in backticks, for SQL text and for functions that take a column by its name."""
    return f"`{column.replace('`', '``')}`"


def numbered(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """These columns of a frame under the names c0, c1, ...: `mapInArrow` takes the columns' own names for paths."""
    F = functions()
    return frame.select(*(F.col(quoted(name)).alias(f"c{position}") for position, name in enumerate(columns)))


def renamed(frame: DataFrame, columns: Sequence[str], names: Mapping[str, str], of_fields: Naming) -> list[Column]:
    """Rename these columns of the frame, and the fields of structs inside them by `of_fields`."""
    F = functions()
    types = {field.name: field.dataType for field in frame.schema.fields}
    after = {name: _type(types[name], of_fields) for name in columns}
    # A cast between structs goes by the fields' places.
    values = {n: F.col(quoted(n)) if after[n] == types[n] else F.col(quoted(n)).cast(after[n]) for n in columns}
    return [value.alias(names[name]) for name, value in values.items()]


def _type(kind: Any, of_fields: Naming) -> Any:
    from pyspark.sql import types

    if isinstance(kind, types.ArrayType):
        return types.ArrayType(_type(kind.elementType, of_fields), kind.containsNull)
    if not isinstance(kind, types.StructType):
        return kind
    names = of_fields(kind.names)
    return types.StructType(
        [types.StructField(names[f.name], _type(f.dataType, of_fields), f.nullable) for f in kind.fields]
    )


def wrapped(native: Any) -> nw.LazyFrame[Any]:
    """A Spark DataFrame, classic or Connect, as a narwhals frame in which every name is a column's, not a path."""
    plain: Any = nw.from_native(native)
    frame = plain._compliant_frame
    return nw.from_native(QuotingFrame(frame.native, version=frame._version, implementation=frame._implementation))


class QuotingFrame(SparkLikeLazyFrame):
    """narwhals' frame over Spark, which takes names unquoted: `a.b` would be the field b of a struct a."""

    @property
    def _F(self) -> Any:  # noqa: N802 - narwhals' name
        return _quoting(super()._F)

    def simple_select(self, *column_names: str) -> Any:
        return super().simple_select(*(quoted(name) for name in column_names))


class _Functions:
    """`pyspark.sql.functions` with a `col` that quotes."""

    def __init__(self, functions: Any) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._functions, name)

    def col(self, name: str) -> Any:
        return self._functions.col(quoted(name))


_quoting = functools.cache(_Functions)
