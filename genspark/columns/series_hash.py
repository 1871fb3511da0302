"""Hashes of a column in memory, by which every engine but Spark hashes keys."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from genspark.columns.hashing import Hashes, hash_bytes, hash_floats, hash_integers


def hash_series(series: Any, seed: int) -> Hashes:
    """XXH64 of each value of a narwhals Series, as hashing.py defines it for its dtype."""
    if isinstance(series.dtype, nw.Object):
        # Where nulls are, pandas keeps booleans as objects, and dates always: Arrow finds their type.
        series = nw.from_native(pa.chunked_array([series.to_arrow()]), series_only=True)
    dtype = series.dtype
    if dtype.is_float():
        missing = (series.is_null() | series.is_nan()).to_numpy()
        hashes = hash_floats(series.cast(nw.Float64).fill_null(0.0).to_numpy(), seed)
    elif isinstance(dtype, nw.String | nw.Binary | nw.Categorical | nw.Enum):
        return hash_bytes(series.to_arrow().to_pylist(), seed)
    else:
        missing = series.is_null().to_numpy()
        hashes = hash_integers(_integers(series).fill_null(0).to_numpy().astype(np.int64), seed)
    return np.where(missing, np.uint64(seed), hashes)


def _integers(series: Any) -> Any:
    if isinstance(series.dtype, nw.Datetime):
        return series.dt.timestamp("us")
    if isinstance(series.dtype, nw.Date):
        return series.cast(nw.Datetime("us")).dt.timestamp("us") // 86_400_000_000
    return series.cast(nw.Int64)
