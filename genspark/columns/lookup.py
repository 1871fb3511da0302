"""Look-up of each row's parameters where they differ from group to group."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.columns.kernels import Kernel
from genspark.errors import SchemaError

FLOAT = pa.float64()
Positions = npt.NDArray[np.int64]
Group = tuple[str | int | bool | None, ...]
"""The values of the group columns; null is a value like any other."""


@dataclass(frozen=True)
class PerGroup:
    """A parameter: a value for each group, and `otherwise` for groups that were not seen. None is null."""

    values: tuple[Any, ...]
    otherwise: Any
    type: pa.DataType = FLOAT


def lookup(by: Sequence[str], groups: Iterable[Sequence[Any]], parameters: Mapping[str, PerGroup]) -> Kernel:
    """The kernel that gives each row its group's parameters: hidden column -> parameter.

    `groups` are distinct, and in the order of each parameter's values.
    """
    function = GroupLookup(tuple(by), tuple(tuple(group) for group in groups), tuple(parameters.values()))
    return Kernel(tuple(by), {name: parameter.type for name, parameter in parameters.items()}, function)


@dataclass(frozen=True)
class GroupLookup:
    """Group columns -> one column for each parameter, a value for each row.

    Null is a group of its own where it was seen. A row whose group was not seen gets each parameter's
    `otherwise`. Cost: a hash lookup and a binary search for each row and column, whatever the number of groups.
    Raises SchemaError where a column holds other kinds of values than the groups do.
    """

    by: tuple[str, ...]
    groups: tuple[Group, ...]
    parameters: tuple[PerGroup, ...]

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """One column for each parameter."""
        places = pa.array(self.positions(arrays))
        return [table.take(places) for table in self._tables]

    def positions(self, arrays: Sequence[pa.Array]) -> Positions:
        """The position of each row's group in `groups`; the number of groups for a row of no known group."""
        # Column by column: the rank of what a row has so far among what the groups have so far, -1 for none.
        # Ranks and not codes of all columns at once, which many columns of many values would overflow.
        rank: Positions = np.zeros(len(arrays[0]), dtype=np.int64)
        if not self.groups:
            return rank
        for column, array, level in zip(self.by, arrays, self._index.levels, strict=True):
            rank = level.ranks(rank, _as_learnt(array, level.values, column))
        return self._index.places[rank]

    @functools.cached_property
    def _tables(self) -> list[pa.Array]:
        return [pa.array([*parameter.values, parameter.otherwise], parameter.type) for parameter in self.parameters]

    @functools.cached_property
    def _index(self) -> _Index:
        rank: Positions = np.zeros(len(self.groups), dtype=np.int64)
        levels = []
        for column in range(len(self.by)):
            values = _values([group[column] for group in self.groups])
            distinct = values.unique()
            known, rank = np.unique(_codes(rank, values, distinct), return_inverse=True)
            levels.append(_Level(distinct, known))
        places = np.full(len(self.groups) + 1, len(self.groups), dtype=np.int64)
        places[rank] = np.arange(len(self.groups))
        return _Index(tuple(levels), places)


@dataclass(frozen=True)
class _Level:
    """One group column: its distinct values, and the sorted `_codes` of the groups at this column."""

    values: pa.Array
    known: Positions

    def ranks(self, before: Positions, array: pa.Array) -> Positions:
        """Rank rows by the columns up to this one, from their ranks by those before it; -1 for no known group."""
        code = _codes(before, array, self.values)
        near = np.minimum(np.searchsorted(self.known, code), len(self.known) - 1)
        return np.where(self.known[near] == code, near, -1)


@dataclass(frozen=True)
class _Index:
    """A level for each group column; `places` maps a group's rank to its position, and -1 to the number of groups."""

    levels: tuple[_Level, ...]
    places: Positions


def _codes(rank: Positions, array: pa.Array, values: pa.Array) -> Positions:
    """One code for the rank so far and this column's value; -1 where the value is none of `values`."""
    import pyarrow.compute as pc

    place = pc.index_in(array, values.cast(array.type, safe=False)).fill_null(-1)
    codes = place.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where((rank < 0) | (codes < 0), -1, rank * len(values) + codes)


def _as_learnt(array: pa.Array, values: pa.Array, column: str) -> pa.Array:
    """The array cast to a type that compares with the values."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    # pandas makes integers floats where nulls are.
    if pa.types.is_floating(array.type) and _kind(values.type) == "integers":
        return array.cast(pa.float64())
    if len(values) > values.null_count and not pa.types.is_null(array.type) and _kind(array.type) != _kind(values.type):
        raise SchemaError(
            [
                f"by: {column!r} held {_kind(values.type)} when the groups were learnt and is {array.type} here; "
                "cast it before"
            ]
        )
    return array.cast(values.type, safe=False)


def _values(some: Sequence[Any]) -> pa.Array:
    """The values of one group column as an Arrow array; of type string where all are null."""
    present = {type(value) for value in some if value is not None}
    if present - {int}:
        return pa.array(some)
    if not present:
        return pa.nulls(len(some), pa.string())
    return pa.array(some, pa.uint64() if max(v for v in some if v is not None) >= 2**63 else pa.int64())


def _kind(dtype: pa.DataType) -> str:
    if pa.types.is_integer(dtype):
        return "integers"
    is_text = pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype)
    return "strings" if is_text else "booleans" if pa.types.is_boolean(dtype) else str(dtype)
