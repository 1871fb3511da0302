"""Columns of vectors - features, logits, embeddings - as matrices of doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.engines.spark.names import quoted
from genspark.errors import DataError
from genspark.evaluate.parts import check_columns, is_spark, tables

if TYPE_CHECKING:
    import pyarrow as pa

Matrix = npt.NDArray[np.float64]


def matrix(table: pa.Table, column: str, *, as_they_are: bool = False) -> Matrix:
    """The vectors of a column, one a row: (rows, d) doubles, or with `as_they_are` numbers of the column's own type.

    Raises DataError for a null, for lengths that differ, and for NaN or infinity, with the row's number in its batch.
    """
    import pyarrow as pa

    array = table.column(column).combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if not (
        pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type)
    ):
        raise DataError(
            f"column {column!r} holds {array.type}, and vectors are lists of numbers; compute features first"
        )
    if array.null_count:
        raise DataError(f"column {column!r} has {array.null_count:,} rows without a vector; drop or fill them first")
    values = array.flatten()
    rows = len(array)
    if rows and (values.null_count or len(values) % rows or not _are_alike(array)):
        raise DataError(f"column {column!r} has vectors of different lengths, or with nulls in them")
    flat = values.to_numpy(zero_copy_only=False)
    flat = flat if as_they_are else flat.astype(np.float64, copy=False)
    found = flat.reshape(rows, -1) if rows else np.zeros((0, 0))
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        raise DataError(f"column {column!r} has NaN or infinity in row {row} of a batch; the extractor failed there")
    return found


def length(frame: Any, column: str) -> int:
    """The numbers of the first vector in a column of a frame; 0 where there is none."""
    check_columns(frame, [column], "the frame")
    if is_spark(frame):
        first = frame.select(quoted(column)).first()
        return len(first[0] or ()) if first else 0
    for table in tables(frame, [column]):
        if table.num_rows:
            return len(table.column(column)[0].as_py() or ())
    return 0


def _are_alike(array: pa.Array) -> bool:
    import pyarrow.compute as pc

    bounds = pc.min_max(pc.list_value_length(array)).as_py()
    return bool(bounds["min"] == bounds["max"])
