"""The columns of rows as a table stores them: scalars first, bytes last, and doubles or floats."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema

_SCALAR, _NESTED, _BYTES = range(3)


def stored_schema(schema: Schema, float_bits: int) -> dict[str, Any]:
    """The columns of a table in its order, for rows of this schema; `float_bits` is 32 or 64."""
    # Readers of scalars then skip one stretch of each row group.
    names = sorted(schema, key=lambda name: _kind(schema[name]))
    return {name: _narrowed(schema[name]) if float_bits == 32 else schema[name] for name in names}


def stored(frame: Any, float_bits: int) -> Any:
    """The native lazy frame of Polars with these columns."""
    rows = nw.from_native(frame)
    before = rows.collect_schema()
    after = stored_schema(before, float_bits)
    return nw.to_native(
        rows.select(
            nw.col(name) if dtype == before[name] else nw.col(name).cast(dtype) for name, dtype in after.items()
        )
    )


def _narrowed(dtype: Any) -> Any:
    """The type with every Float64 in it as Float32."""
    if isinstance(dtype, nw.Float64):
        return nw.Float32()
    if isinstance(dtype, nw.List):
        return nw.List(_narrowed(dtype.inner))
    if isinstance(dtype, nw.Array):
        return nw.Array(_narrowed(dtype.inner), dtype.size)
    if isinstance(dtype, nw.Struct):
        return nw.Struct({field.name: _narrowed(field.dtype) for field in dtype.fields})
    return dtype


def _kind(dtype: Any) -> int:
    if _holds_bytes(dtype):
        return _BYTES
    return _NESTED if isinstance(dtype, nw.List | nw.Array | nw.Struct | nw.Map | nw.Unknown) else _SCALAR


def _holds_bytes(dtype: Any) -> bool:
    if isinstance(dtype, nw.List | nw.Array):
        return _holds_bytes(dtype.inner)
    if isinstance(dtype, nw.Struct):
        return any(_holds_bytes(field.dtype) for field in dtype.fields)
    return isinstance(dtype, nw.Binary)
