"""Columns of Arrow as NumPy arrays: numbers, and arrays of one length, without a copy and without an object a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genspark.errors import DataError

Values = npt.NDArray[Any]
Places = npt.NDArray[np.int64]
Stored = Any
"""A column of a row group: rows x shape where values are dense, else an Arrow array, whose values become objects."""


def stored(array: pa.Array, column: str) -> Stored:
    """The column as a NumPy array where its values are numbers, booleans, times, or arrays of them of one length.

    Null is NaN among floats, and NaT among times. Raises DataError for null among integers and booleans, which have no
    value for it.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return stored(array.dictionary_decode(), column)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _of_lists(array, column)
    if pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_temporal(kind):
        return np.asarray(array.to_numpy(zero_copy_only=False))
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        if array.null_count:
            raise _null_error(column, kind)
        return np.asarray(array.to_numpy(zero_copy_only=False))
    return array


def _null_error(column: str, kind: pa.DataType) -> DataError:
    return DataError(
        f"column {column!r} has nulls, for which {kind} has no value; name one, or ask for a mask, by "
        f"TrainingTable(..., nulls={{{column!r}: ...}}), fill them before, as by the step `impute`, or leave the "
        "column out by `columns`"
    )


def _of_lists(array: pa.Array, column: str) -> Stored:
    if not len(array):
        return array
    if array.null_count:
        _of_lists(array.drop_null(), column)
        return array
    lengths = pc.list_value_length(array)
    bounds = pc.min_max(lengths)
    size = bounds["min"].as_py()
    inner = array.flatten()
    if inner.null_count and (pa.types.is_integer(inner.type) or pa.types.is_boolean(inner.type)):
        raise _null_error(column, array.type)
    if size != bounds["max"].as_py() or (inner.null_count and not pa.types.is_floating(inner.type)):
        return array
    values = stored(inner, column)
    return values.reshape(len(array), size, *values.shape[1:]) if isinstance(values, np.ndarray) else array


def objects(array: Stored) -> Values:
    """The values of a column as an array of objects: text, bytes, an array of NumPy for each list, dictionaries."""
    found = np.empty(len(array), object)
    if isinstance(array, np.ndarray) or pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        for place, value in enumerate(array):
            found[place] = value if isinstance(array, np.ndarray) else _of_list(value)
    elif len(array):
        found[:] = array.to_numpy(zero_copy_only=False) if not pa.types.is_nested(array.type) else array.to_pylist()
    return found


def _of_list(value: pa.ListScalar) -> Any:
    return None if value.values is None else value.values.to_numpy(zero_copy_only=False)


def taken(column: Stored, places: Places) -> Stored:
    """The values at some places."""
    return column[places] if isinstance(column, np.ndarray) else column.take(pa.array(places))


def objects_at(column: Stored, places: Places) -> Values:
    """The values at some places as objects."""
    is_bytes = not isinstance(column, np.ndarray) and (
        pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)
    )
    return _bytes_at(column, places) if is_bytes else objects(taken(column, places))


def _bytes_at(column: pa.Array, places: Places) -> Values:
    """Bytes at some places, copied once: a loop over rows, as each is an object, at 0.3 microseconds a row."""
    found = np.empty(len(places), object)
    _, offsets, data = column.buffers()
    width = np.int64 if pa.types.is_large_binary(column.type) else np.int32
    edges = np.frombuffer(offsets, width)[column.offset : column.offset + len(column) + 1]
    content = memoryview(data) if data else memoryview(b"")
    starts, ends = edges[places].tolist(), edges[places + 1].tolist()
    found[:] = [bytes(content[start:end]) for start, end in zip(starts, ends, strict=True)]
    if column.null_count:
        found[~np.asarray(column.is_valid())[places]] = None
    return found


def _put(values: Values, into: Places, column: Values, places: Places) -> None:
    """Copy some rows of a column to places of others. A row is copied as one thing, whatever numbers it has."""
    if column.ndim > 1 and column.flags.c_contiguous and column.size:
        row = np.dtype((np.void, column[0].nbytes))
        values, column = (rows.reshape(len(rows), -1).view(row)[:, 0] for rows in (values, column))
    values[into] = column[places]


class Gathering:
    """A column of a batch, filled with rows of one row group after the other."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.values: Values = np.empty(0)
        self._is_new = True

    def add(self, column: Stored, places: Places, into: Places) -> None:
        """Put the rows at some places of a group's column into places of the batch."""
        is_dense = isinstance(column, np.ndarray)
        if self._is_new:
            self._is_new = False
            self.values = np.empty((self._count, *column.shape[1:]), column.dtype) if is_dense else self._objects()
        if self.values.dtype != object and not (is_dense and self._is_alike(column)):
            # Lists of one length in one group, and of another in the next.
            self.values = objects(self.values)
        if self.values.dtype == object:
            self.values[into] = objects_at(column, places)
        else:
            _put(self.values, into, column, places)

    def _is_alike(self, column: Values) -> bool:
        return column.dtype == self.values.dtype and column.shape[1:] == self.values.shape[1:]

    def _objects(self) -> Values:
        return np.empty(self._count, object)
