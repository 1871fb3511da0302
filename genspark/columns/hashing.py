"""Row key -> 64-bit hash -> uniform numbers: the same on Spark, Polars, pandas and NumPy.

The hash is XXH64, which Spark has as `xxhash64`. Each column of a key is hashed with a seed of its
own (`column_seed` of its position), and the row's hash is the exclusive or of them, so that the
columns need no order of evaluation. A missing value contributes its column's seed. What is hashed:

    string   its UTF-8 bytes                binary     its bytes
    integer  8 bytes, little-endian         boolean    as the integer 0 or 1
    float    the 8 bytes of the double,     date       days since 1970-01-01, as an integer
             -0.0 as 0.0                    timestamp  microseconds since 1970-01-01 UTC, as an integer

A draw is the hash of the row's hash under `draw_seed(seed, stream)`; its upper 53 bits make a number
in [0, 1). It depends on nothing else, so it is the same under any partitioning.

Source: Y. Collet, "XXH64 algorithm description"; its constants and its path for inputs of 8 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from genspark.columns.expressions import HIDDEN

Hashes = npt.NDArray[np.uint64]

SPARK_SEED = 42  # Spark's xxhash64 starts from this seed, and a literal before a column sets the next
UNIT = 2.0**-53
ROW_ID = f"{HIDDEN}row_id"
"""The hidden column with the hash of the row's key: its 64 bits as a signed integer."""
ORDER = f"{HIDDEN}order"
"""The hidden column by which the rows of a table are ordered: a hash of `ROW_ID`, as a signed integer, too."""

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)


@dataclass(frozen=True)
class Draw:
    """A uniform number in [0, 1) for each row, which a step declares and an engine adds.

    `over` are the columns whose hash decides it; None stands for the row's key.
    """

    seed: int
    stream: str
    over: tuple[str, ...] | None = None

    @property
    def column(self) -> str:
        """The hidden column that carries the draw while the steps run."""
        over = "key" if self.over is None else "_".join(self.over)
        return f"{HIDDEN}draw_{self.seed}_{self.stream}_{over}"


@dataclass(frozen=True)
class KeyHash:
    """The hash of the columns `over` for each row, or of its key, which an engine adds as it adds draws.

    `column` is the hidden column that carries it while the steps run. One that a source gave the rows already stays.
    """

    over: tuple[str, ...] | None
    column: str = ROW_ID


Drawn = Draw | KeyHash
"""What is made of the hash of a row's key or columns."""

PLACE = f"{HIDDEN}place"
"""The hidden column with a hash of the file and the record that a row is: of two rows that are the same in all they
hold, it tells which is which. Where the source knows no place it is the hash of the key."""


def are_placed(draws: Iterable[Drawn]) -> bool:
    """Whether some of them are the places of rows, which the source should give."""
    return any(draw.column == PLACE for draw in draws)


def places(uris: Sequence[str], file: npt.NDArray[Any], record: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The hash of each row's place, as Spark's `xxhash64(file, record)`; `file` are positions in `uris`."""
    seeds = hash_bytes(list(uris), SPARK_SEED)[file] if len(uris) else np.zeros(0, np.uint64)
    return _hash_under(record, seeds).view(np.int64)


def order_seed(seed: int) -> int:
    """The seed of the hash of a row's id that makes its place in a table."""
    return draw_seed(seed, "order")


def orders(row_ids: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """The place of each row in a table, by its id; compared as signed integers on every engine."""
    return hash_integers(row_ids, order_seed(seed)).view(np.int64)


def column_seed(position: int) -> int:
    """The seed for a key's column: Spark's `xxhash64(lit(position))`, unsigned."""
    return xxhash.xxh64_intdigest(_little_endian(position), SPARK_SEED)


def draw_seed(seed: int, stream: str) -> int:
    """The seed of a draw: Spark's `xxhash64(lit(seed), lit(stream))`, unsigned."""
    return xxhash.xxh64_intdigest(stream.encode(), xxhash.xxh64_intdigest(_little_endian(seed), SPARK_SEED))


def hash_integers(values: npt.NDArray[np.int64], seed: int) -> Hashes:
    """XXH64 of each value's 8 little-endian bytes."""
    return _hash_under(values, np.uint64(seed))


def _hash_under(values: npt.NDArray[np.int64], seed: Any) -> Hashes:
    """XXH64 of each value under a seed, or under a seed of its own."""
    with np.errstate(over="ignore"):
        # In place: fresh memory would take as long as the arithmetic.
        h = values.view(np.uint64) * _P2
        other = np.empty_like(h)
        _rotate(h, 31, other)
        h *= _P1
        h ^= seed + _P5 + np.uint64(8)
        _rotate(h, 27, other)
        h *= _P1
        h += _P4
        for shift, factor in ((33, _P2), (29, _P3)):
            h ^= np.right_shift(h, np.uint64(shift), out=other)
            h *= factor
        h ^= np.right_shift(h, np.uint64(32), out=other)
        return h


def hash_floats(values: npt.NDArray[np.float64], seed: int) -> Hashes:
    """XXH64 of each double's bytes, -0.0 taken as 0.0."""
    return hash_integers((values + 0.0).view(np.int64), seed)


def hash_bytes(values: Sequence[bytes | str | None], seed: int) -> Hashes:
    """XXH64 of each string's UTF-8 bytes, or of each bytes value; the seed itself for None.

    A loop over rows, since the lengths differ: 5 million short strings a second.
    """
    digest = xxhash.xxh64_intdigest
    # xxhash takes bytes alone from version 4 on.
    encoded = (value.encode() if isinstance(value, str) else value for value in values)
    return np.fromiter((seed if value is None else digest(value, seed) for value in encoded), np.uint64, len(values))


def uniform(row_hash: Hashes, draw: Draw) -> npt.NDArray[np.float64]:
    """The draw of each row: 53 random bits as a double in [0, 1)."""
    hashes = hash_integers(row_hash.view(np.int64), draw_seed(draw.seed, draw.stream))
    return (hashes >> np.uint64(11)).astype(np.float64) * UNIT


def _rotate(values: Hashes, bits: int, other: Hashes) -> None:
    """Rotate the bits of each value in place; `other` is written over."""
    np.right_shift(values, np.uint64(64 - bits), out=other)
    values <<= np.uint64(bits)
    values |= other


def _little_endian(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)
