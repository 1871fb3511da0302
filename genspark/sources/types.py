"""What Spark makes of the types that columnar files hold."""

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
_WIDENS = {
    (pl.Int32(), pl.Int64()),
    (pl.Int8(), pl.Int32()),
    (pl.Int16(), pl.Int32()),
    (pl.Int8(), pl.Int16()),
    (pl.Int32(), pl.Float64()),
    (pl.Float32(), pl.Float64()),
}


def normal(dtype: pl.DataType, column: str, path: str) -> pl.DataType:
    """The type that a column of a file is read as. Raises SourceError for one that no table could hold."""
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
    """The types of all columns of a file."""
    return {name: normal(_type(dtype), name, path) for name, dtype in schema.items()}


def same_or_refuse(own: dict[str, pl.DataType], path: str, other: dict[str, pl.DataType], than: str) -> None:
    """Raises ShardError where two shards' columns differ by more than their order, naming the first that does."""
    for name in (*other, *own):
        here, there = own.get(name), other.get(name)
        if here != there:
            kinds = [name_of(kind) if kind is not None else "absent" for kind in (here, there)]
            told = f"differs from the others: column {name!r} is {kinds[0]}, but {kinds[1]} in {than}"
            raise ShardError({path: told}, f"make the shards alike, {LEAVE_OUT}")


def readable_as(own: pl.DataType, told: pl.DataType) -> bool:
    """Whether values of a file's type may be read as the type that source.schema tells."""
    return own == told or (own, told) in _WIDENS


def _type(dtype: object) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value]
