"""Conversion between a dict of NumPy arrays, which serving code holds, and a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from genspark.errors import SchemaError


def frame_of(arrays: Mapping[str, Any]) -> pl.DataFrame:
    """The arrays as columns, without a copy where NumPy and Arrow agree.

    Each array has one entry a row along its first axis; objects and strings may hold None. Raises
    SchemaError where the lengths differ or a dtype is none of a frame's.
    """
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise SchemaError(f"the arrays differ in length: {lengths}; give one value for each row in each")
    try:
        return pl.DataFrame({name: _series(name, values) for name, values in arrays.items()})
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise SchemaError(f"the arrays do not make a frame: {error}") from None


def arrays_of(frame: pl.DataFrame) -> dict[str, Any]:
    """The columns as NumPy arrays. NumPy has no null: it is NaN among numbers and None among objects."""
    return {name: frame[name].to_numpy() for name in frame.columns}


def _series(name: str, values: Any) -> pl.Series:
    array = np.asarray(values)
    if array.dtype.kind in ("O", "U", "S"):
        return pl.Series(name, array.tolist())
    return pl.Series(name, array)
