"""XXH64 of columns and of rows on Polars, as hashing.py defines it."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import polars as pl

from genspark.columns.hashing import column_seed
from genspark.columns.series_hash import hash_series
from genspark.columns.text_hash import text_hash


def row_hash(columns: Sequence[str], schema: Mapping[str, Any], shift: int = 0) -> pl.Expr:
    """XXH64 of some columns of each row together, a UInt64; another `shift` makes other hashes of the same rows."""
    each = [column_hash(column, schema[column], shift + at) for at, column in enumerate(columns)]
    return functools.reduce(operator.xor, each)


def column_hash(column: str, dtype: Any, position: int) -> pl.Expr:
    """XXH64 of one column of the key, a UInt64; `dtype` is that of narwhals."""
    seed = column_seed(position)
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum):
        return text_hash(column, seed)

    def hashes(series: pl.Series) -> pl.Series:
        values = hash_series(nw.from_native(series, series_only=True), seed)
        return pl.Series(series.name, values, dtype=pl.UInt64)

    return pl.col(column).map_batches(hashes, return_dtype=pl.UInt64, is_elementwise=True)
