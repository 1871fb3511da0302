"""The types that columns of columnar files are read as: those that Spark's readers give."""

from __future__ import annotations

import polars as pl

from genspark.errors import ShardError, SourceError
from genspark.sources.ddl import name_of
from genspark.sources.places import LEAVE_OUT, PLACE

_WIDER: dict[pl.DataType, pl.DataType] = {
    pl.UInt8(): pl.Int16(),
    pl.UInt16(): pl.Int32(),
    pl.UInt32(): pl.Int64(),
    pl.UInt64(): pl.Decimal(20, 0),
}
_SAME = (
    *(pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.Float32(), pl.Float64()),
    *(pl.Boolean(), pl.String(), pl.Binary(), pl.Date()),
)
_WIDENINGS = {
    (pl.Int32(), pl.Int64()),
    (pl.Int8(), pl.Int32()),
    (pl.Int16(), pl.Int32()),
    (pl.Int8(), pl.Int16()),
    (pl.Int32(), pl.Float64()),
    (pl.Float32(), pl.Float64()),
}


def normal(dtype: pl.DataType, column: str, path: str) -> pl.DataType:
    """The type that a column of a file is read as. Raises SourceError for one that no table can hold."""
    if isinstance(dtype, pl.Datetime):
        return pl.Datetime("us", "UTC" if dtype.time_zone else None)
    if isinstance(dtype, (pl.List, pl.Array)):
        return pl.List(normal(_type(dtype.inner), column, path))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: normal(_type(field.dtype), column, path) for field in dtype.fields})
    if isinstance(dtype, (pl.Categorical, pl.Enum)):
        return pl.String()
    if isinstance(dtype, pl.Decimal) or dtype in _SAME:
        return dtype
    if dtype in _WIDER:
        return _WIDER[dtype]
    raise SourceError(
        f"{PLACE}: {path}: column {column!r} is of type {dtype}, which no table holds; write it as another"
    )


def normal_schema(schema: pl.Schema | dict[str, pl.DataType], path: str) -> dict[str, pl.DataType]:
    """The types that the columns of a file are read as; see `normal`."""
    return {name: normal(_type(dtype), name, path) for name, dtype in schema.items()}


def same_or_refuse(own: dict[str, pl.DataType], path: str, other: dict[str, pl.DataType], than: str) -> None:
    """Raise ShardError for the first column in which two shards differ; their columns may be in another order."""
    for name in (*other, *own):
        here, there = own.get(name), other.get(name)
        if here != there:
            kinds = [name_of(kind) if kind is not None else "absent" for kind in (here, there)]
            cause = f"differs from the others: column {name!r} is {kinds[0]}, but {kinds[1]} in {than}"
            raise ShardError({path: cause}, f"make the shards alike, {LEAVE_OUT}")


def readable_as(own: pl.DataType, given: pl.DataType) -> bool:
    """Whether values of a file's own type can be read as the type that source.schema gives."""
    return own == given or (own, given) in _WIDENINGS


def _type(dtype: object) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value]
