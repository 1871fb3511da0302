"""What stands for null in columns of integers and booleans, which have no value for it: what a table's user says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genspark.errors import ConfigError, did_you_mean
from genspark.readers.log import Column

IS_NULL = "_is_null"
"""At the end of the name of the column that tells where another one is null."""
MASK = "mask"

Nulls = Mapping[str, Any]
"""A value for null in each of some columns, or `mask`."""


@dataclass(frozen=True)
class Filling:
    """Null of a column as a value; with `is_told`, a boolean column beside it tells where it was."""

    column: str
    value: pa.Scalar
    is_told: bool

    @property
    def mask(self) -> str:
        """The column that tells where null was."""
        return f"{self.column}{IS_NULL}"

    def filled(self, columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """Columns, by their names, without null in this one."""
        array = columns[self.column]
        told = {self.mask: pc.is_null(array)} if self.is_told else {}
        return {**columns, self.column: _filled(array, self.value), **told}


def fillings(nulls: Nulls | None, columns: tuple[Column, ...]) -> tuple[Filling, ...]:
    """What is asked for, checked against the columns that are read. Raises ConfigError with every mistake."""
    types = {column.name: column.type for column in columns}
    found, problems = [], []
    for name, value in (nulls or {}).items():
        kind = types.get(name)
        if kind is None:
            problems.append(f"nulls: {name!r} is no column that is read{did_you_mean(name, types)}")
            continue
        is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
        inner = kind.value_type if is_list else kind
        is_told = isinstance(value, str) and value == MASK and not pa.types.is_string(inner)
        if is_told and (is_list or not (pa.types.is_integer(inner) or pa.types.is_boolean(inner))):
            problems.append(f"nulls: {name!r} is {kind}, and a mask is for integers and booleans; give a value")
            continue
        if is_told and f"{name}{IS_NULL}" in types:
            problems.append(f"nulls: {name}{IS_NULL!r} is a column already; give {name!r} a value in place of a mask")
            continue
        try:
            found.append(Filling(name, pa.scalar(0 if is_told else value).cast(inner), is_told))
        except (pa.ArrowException, OverflowError) as error:
            problems.append(f"nulls: {value!r} is no value of {name!r}, which is {kind} ({error})")
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def _filled(array: pa.Array, value: pa.Scalar) -> pa.Array:
    kind = array.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return pc.fill_null(array, value)
    # Null elements; an array that is null itself stays so, as it has no length.
    if pa.types.is_fixed_size_list(kind):
        array = array.cast(pa.list_(kind.value_type))
    inner = pc.fill_null(array.values, value)
    return type(array).from_arrays(array.offsets, inner, mask=array.is_null() if array.null_count else None)
