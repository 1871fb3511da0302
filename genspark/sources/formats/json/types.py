"""Infer the types of JSON values, and join them as Spark does."""

from __future__ import annotations

from typing import Any

import polars as pl

from genspark.sources.formats.json.line import Number, parse

Kind = pl.DataType | None | dict[str, Any] | list[Any]
"""A type while it is inferred: a struct is a dict of kinds, an array a list of one kind; None where all is null."""

LONG, DOUBLE, STRING, BOOLEAN = pl.Int64(), pl.Float64(), pl.String(), pl.Boolean()


def of_line(line: str) -> Kind:
    """The kind of a line, a struct; one without members where the line is not well formed."""
    try:
        return of_value(parse(line))
    except ValueError:
        return {}


def of_value(value: Any) -> Kind:
    """The kind of a parsed value."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {name: of_value(item) for name, item in value.items()}
    if isinstance(value, list):
        inner: Kind = None
        for item in value:
            inner = join(inner, of_value(item))
        return [inner]
    if isinstance(value, Number):
        return _of_number(value)
    return BOOLEAN if isinstance(value, bool) else STRING


def join(one: Kind, other: Kind) -> Kind:
    """The kind that holds the values of both."""
    if one is None or other is None or one == other:
        return other if one is None else one
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: join(one.get(name), other.get(name)) for name in (*one, *(n for n in other if n not in one))}
    if isinstance(one, list) and isinstance(other, list):
        return [join(one[0], other[0])]
    if isinstance(one, pl.DataType) and isinstance(other, pl.DataType) and one.is_numeric() and other.is_numeric():
        return _join_numbers(one, other)
    return STRING


def of_dtype(dtype: pl.DataType) -> Kind:
    """The kind of a Polars type that a reader inferred."""
    if isinstance(dtype, pl.Struct):
        return {field.name: of_dtype(field.dtype) for field in dtype.fields}  # type: ignore[arg-type]
    if isinstance(dtype, pl.List):
        return [of_dtype(dtype.inner)]  # type: ignore[arg-type]
    if dtype == pl.Null():
        return None
    # A reader may take a text for a date or a time: here it stays text.
    return dtype if dtype in (LONG, DOUBLE, BOOLEAN) else STRING


def is_settled(kind: Kind) -> bool:
    """Whether a value that reads as this kind tells nothing new: not where all was null, or a number is a decimal."""
    if isinstance(kind, dict):
        return all(map(is_settled, kind.values()))
    if isinstance(kind, list):
        return is_settled(kind[0])
    return kind in (LONG, DOUBLE, STRING, BOOLEAN)


def dtype_of(kind: Kind) -> pl.DataType | None:
    """The Polars type of a kind, with the members of structs sorted by name; None for a struct without members."""
    if kind is None:
        return STRING
    if isinstance(kind, list):
        inner = dtype_of(kind[0])
        return None if inner is None else pl.List(inner)
    if isinstance(kind, dict):
        fields = {name: dtype for name in sorted(kind) if name and (dtype := dtype_of(kind[name])) is not None}
        return pl.Struct(fields) if fields else None
    return kind


def _of_number(number: Number) -> pl.DataType:
    if not number.is_whole:
        return DOUBLE
    digits = len(number.text.lstrip("-"))
    if digits <= 19 and -(2**63) <= int(number.text) < 2**63:
        return LONG
    return pl.Decimal(digits, 0) if digits <= 38 else DOUBLE


def _join_numbers(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    if DOUBLE in (one, other):
        return DOUBLE
    digits = max((kind.precision or 38) if isinstance(kind, pl.Decimal) else 20 for kind in (one, other))
    return pl.Decimal(digits, 0)
