"""Vocabularies: maps from values to numbers and back, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.columns.kernels import numbers
from genspark.columns.vectors import unpack
from genspark.errors import DataError

Value = str | int | bool
Positions = npt.NDArray[np.int64]

TYPES = {"string": pa.large_string(), "integer": pa.int64(), "unsigned": pa.uint64(), "boolean": pa.bool_()}
"""The kinds of values that there are vocabularies of."""

_WHOLE = (pa.types.is_integer, pa.types.is_floating)  # pandas makes integers floats where one is missing
_KINDS = {
    "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "integer": _WHOLE,
    "unsigned": _WHOLE,
    "boolean": (pa.types.is_boolean,),
}


@dataclass(frozen=True)
class Vocabulary:
    """A column's vocabulary, and the number that stands for what it lacks."""

    column: str
    values: tuple[Value, ...]
    kind: str
    unknown: int

    @property
    def array(self) -> pa.Array:
        """The values in their order."""
        return pa.array(self.values, self.type)

    @property
    def type(self) -> pa.DataType:
        """The type of the values."""
        return TYPES[self.kind]

    def ids(self, positions: Positions) -> Positions:
        """The numbers of these positions: the positions themselves, from `unknown` on one more."""
        return positions + (positions >= self.unknown) if self.unknown >= 0 else positions

    def positions(self, ids: Positions) -> Positions:
        """The positions of these numbers; -1 where a number is no known value's."""
        positions = ids - (ids > self.unknown) if self.unknown >= 0 else ids
        is_known = (ids != self.unknown) & (positions >= 0) & (positions < len(self.values))
        return np.where(is_known, positions, -1)


@dataclass(frozen=True)
class Lookup:
    """Value -> its number, or a vector with a 1 at its number."""

    vocabulary: Vocabulary
    as_vector: bool

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        import pyarrow.compute as pc

        values = self._of_kind(arrays[0])
        is_present = np.asarray(pc.invert(pc.is_null(values, nan_is_null=True)))
        indices = pc.index_in(values, self.vocabulary.array.cast(values.type, safe=False))
        positions = indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        ids = np.where(indices.is_valid(), self.vocabulary.ids(positions), self.vocabulary.unknown)
        column = pa.array(ids, pa.int64(), mask=~is_present)
        size = len(self.vocabulary.values) + 1
        return [column, _vectors(ids[is_present], is_present, size)] if self.as_vector else [column]

    def _of_kind(self, array: pa.Array) -> pa.Array:
        """The values cast to the vocabulary's type. Raises DataError for another kind: 1 and '1' are not one value."""
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        kind, wanted = array.type, self.vocabulary.type
        is_known = pa.types.is_null(kind) or any(is_kind(kind) for is_kind in _KINDS[self.vocabulary.kind])
        try:
            if is_known:
                return array.cast(pa.float64() if pa.types.is_floating(kind) else wanted)
        except pa.ArrowInvalid:
            pass  # a negative number among unsigned ones
        raise DataError(
            f"column {self.vocabulary.column!r} held {self.vocabulary.kind} values at fitting and is {kind} here; "
            "cast it before"
        )


@dataclass(frozen=True)
class Values:
    """Number, or vector, -> value; null for what is unknown."""

    vocabulary: Vocabulary
    of_vector: bool

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        if self.of_vector:
            vectors = unpack(arrays[0], self.vocabulary.column, len(self.vocabulary.values) + 1)
            is_present, ids = vectors.present, vectors.values.argmax(axis=1)
        else:
            floats = numbers(arrays[0])
            is_present = np.isfinite(floats)
            ids = np.where(is_present, floats, -1).astype(np.int64)
        positions = self.vocabulary.positions(ids)
        return [self.vocabulary.array.take(pa.array(positions, mask=~is_present | (positions < 0)))]


def _vectors(ids: Positions, is_present: npt.NDArray[np.bool_], size: int) -> pa.Array:
    """Lists of zeros with a one at the ids of the values that are present; null for the rest."""
    flat = np.zeros(len(ids) * size, dtype=np.float32)
    flat[np.arange(len(ids)) * size + ids] = 1.0
    offsets = np.concatenate([[0], np.cumsum(is_present * size)])
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(flat), mask=pa.array(~is_present))
