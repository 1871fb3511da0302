"""Vectors: arrays of one length, or image bytes, unpacked into a matrix and packed again.

All of it works on whole Arrow batches: what the values of an array column are is known without a look at
any row. Images alone are decoded one by one, which is what a decoder does.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.columns.kernels import Numbers
from genspark.errors import DataError, SchemaError

_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*")
"""How files of PNG, JPEG, GIF, BMP, WebP and TIFF begin."""


@dataclass(frozen=True)
class Vectors:
    """Vectors of one length: `values` is rows x size, float64, NaN for what is missing; all of a null vector is NaN.

    `present` tells the rows whose vector is not null. `size` is None where no row has one.
    """

    values: Numbers
    present: npt.NDArray[np.bool_]
    size: int | None


def is_vector(dtype: Any) -> bool:
    """Whether a dtype holds arrays of numbers, or bytes, which are an image or one number (0 to 255) each."""
    if isinstance(dtype, nw.List | nw.Array):
        inner: Any = dtype.inner
        return bool(inner().is_numeric() if isinstance(inner, type) else inner.is_numeric())
    return isinstance(dtype, nw.Binary)


def is_array(dtype: Any) -> bool:
    """Whether a dtype holds arrays of numbers."""
    return is_vector(dtype) and not isinstance(dtype, nw.Binary)


def element_type(dtype: Any) -> Any:
    """The dtype of a vector's elements after arithmetic: as precise as what was read, and no wider."""
    is_small = isinstance(dtype, nw.Binary) or dtype.inner == nw.Float32
    return nw.Float32() if is_small else nw.Float64()


def unpack(array: pa.Array, column: str, size: int | None = None) -> Vectors:
    """The vectors of a column of arrays or bytes.

    Raises DataError, with an example row, where they differ in length, or have not the length `size` that is given.
    """
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return _of_bytes(array, column, size)
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.large_list(array.type.value_type))
    present = np.asarray(array.is_valid())
    lengths = array.value_lengths().to_numpy(zero_copy_only=False)[present]
    size = _one_length(lengths, column, size, lambda place: str(array.filter(array.is_valid())[place].as_py()))
    flat = array.flatten().cast(pa.float64()).to_numpy(zero_copy_only=False)
    return _spread(flat.reshape(len(lengths), size or 0), present, size)


def pack(values: Numbers, present: npt.NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    """Lists of `kind`, one for each row of the matrix; NaN becomes null, and so does a vector that is not present."""
    rows, size = values.shape
    flat = pa.array(values.ravel(), pa.float64(), from_pandas=True).cast(kind)
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * np.int32(size), pa.int32())
    return pa.ListArray.from_arrays(offsets, flat, pa.list_(kind), mask=pa.array(~present))


def _one_length(lengths: npt.NDArray[Any], column: str, size: int | None, example: Any) -> int | None:
    """The length that all vectors share. Raises DataError where they differ."""
    if not len(lengths):
        return size
    wanted = int(lengths[0]) if size is None else size
    other = np.flatnonzero(lengths != wanted)
    if len(other):
        shown = example(int(other[0]))
        shown = shown if len(shown) <= 60 else f"{shown[:56]}...{shown[-1]}"
        raise ragged(column, wanted, int(lengths[other[0]]), f", such as {shown}")
    return wanted


def ragged(column: str, wanted: int, got: int, example: str = "") -> DataError:
    """The DataError for vectors that differ in length."""
    return DataError(
        f"column {column!r}: its vectors differ in length: {wanted} values are expected, "
        f"and a row has {got}{example}; pad, crop or drop such rows before"
    )


def _spread(unpacked: Numbers, present: npt.NDArray[np.bool_], size: int | None) -> Vectors:
    if present.all():
        return Vectors(unpacked, present, size)
    values = np.full((len(present), size or 0), np.nan)
    values[present] = unpacked
    return Vectors(values, present, size)


def _of_bytes(array: pa.Array, column: str, size: int | None) -> Vectors:
    present = np.asarray(array.is_valid())
    decoded = [_pixels(value, column) for value in array.drop_null().to_pylist()]
    lengths = np.array([len(pixels) for pixels in decoded], dtype=np.int64)
    size = _one_length(lengths, column, size, lambda place: f"one of {lengths[place]} pixel values")
    flat = np.array(decoded, dtype=np.float64).reshape(len(decoded), size or 0)
    return _spread(flat, present, size)


def _pixels(content: bytes, column: str) -> Sequence[int] | npt.NDArray[Any]:
    """The pixels of an image, row by row and channel by channel; or else the bytes as they are."""
    if not content.startswith(_IMAGES):
        return np.frombuffer(content, np.uint8)
    require_pillow(column)
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(image, dtype=np.uint8).ravel()
    except UnidentifiedImageError:
        return np.frombuffer(content, np.uint8)
    except (OSError, ValueError) as error:
        raise DataError(f"column {column!r}: an image cannot be decoded ({error}); take it out before") from None


def require_pillow(column: str) -> None:
    """Raise SchemaError where images cannot be decoded."""
    if importlib.util.find_spec("PIL") is None:
        raise SchemaError(f"column {column!r} holds images, and Pillow decodes them: pip install 'genspark[images]'")
