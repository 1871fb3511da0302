"""Columns under other names on Polars, and the fields of the structs in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

Naming = Callable[[Iterable[str]], Mapping[str, str]]
"""Names that stand beside each other -> the name that each is to have."""


def renamed(columns: Mapping[str, Any], names: Mapping[str, str], of_fields: Naming) -> list[pl.Expr]:
    """Rename these columns, given with their dtypes, and the fields inside them by `of_fields`."""
    return [_inside(pl.col(name), dtype, of_fields).alias(names[name]) for name, dtype in columns.items()]


def _inside(value: pl.Expr, dtype: Any, of_fields: Naming) -> pl.Expr:
    if not _has_renamed(dtype, of_fields):
        return value
    if isinstance(dtype, pl.List):
        return value.list.eval(_inside(pl.element(), dtype.inner, of_fields))
    if isinstance(dtype, pl.Array):
        return value.arr.to_list().list.eval(_inside(pl.element(), dtype.inner, of_fields)).list.to_array(dtype.size)
    names = of_fields(field.name for field in dtype.fields)
    fields = (_inside(value.struct.field(f.name), f.dtype, of_fields).alias(names[f.name]) for f in dtype.fields)
    # Of a null struct a struct of nulls would be made.
    return pl.when(value.is_not_null()).then(pl.struct(fields))


def _has_renamed(dtype: Any, of_fields: Naming) -> bool:
    if isinstance(dtype, pl.Struct):
        names = of_fields(field.name for field in dtype.fields)
        return any(names[f.name] != f.name or _has_renamed(f.dtype, of_fields) for f in dtype.fields)
    return isinstance(dtype, pl.List | pl.Array) and _has_renamed(dtype.inner, of_fields)
