"""Arrays of numbers in states: NumPy's while they are gathered, base64 of little-endian bytes in JSON."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError

MOST_ROWS = 100_000_000
"""Rows that a statistic may hold in memory, which cannot be exact otherwise."""


def packed(numbers: npt.NDArray[Any]) -> str:
    """The bytes of an array as text."""
    return base64.b64encode(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def unpacked(numbers: Any, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """The array that `packed` wrote, or the array itself."""
    if isinstance(numbers, np.ndarray):
        return numbers
    return np.frombuffer(base64.b64decode(numbers), np.dtype(dtype).newbyteorder("<")).astype(dtype)


def refuse_many(rows: int, what: str) -> None:
    """Raise DataError for more rows than may be held."""
    if rows > MOST_ROWS:
        raise DataError(
            f"{what} is exact, and holds a number of every row in memory; there are more than {MOST_ROWS:,}: ask it of "
            "fewer rows, after a filter"
        )
