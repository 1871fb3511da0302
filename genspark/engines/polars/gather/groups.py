"""Some rows in the order of their groups, and what takes them in to gather statistics group by group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.columns.dtypes import is_category
from genspark.columns.expressions import HIDDEN
from genspark.statistics import State, Statistic
from genspark.statistics.base import check_group_types, check_groups

Numbers64 = npt.NDArray[Any]

GROUP = f"{HIDDEN}group"
"""The column with the number of a row's group."""


class Groups:
    """Numbers for groups, in the order in which they are first seen. Null is a value like any other."""

    def __init__(self, by: Sequence[str]) -> None:
        self._by = list(by)
        self._known: pl.DataFrame | None = None

    def __len__(self) -> int:
        return 0 if self._known is None else self._known.height

    @property
    def keys(self) -> list[tuple[Any, ...]]:
        """The values of the group columns, in the order of the numbers."""
        return [] if self._known is None else self._known.drop(GROUP).rows()

    def block(self, rows: pl.DataFrame) -> Block:
        """The rows in the order of their groups, those of a group as they came.

        Raises DataError when there are too many groups, PlanError for columns that cannot tell groups.
        """
        numbers = self._numbers(rows)
        unknown = numbers.is_null()
        if unknown.any():
            self._learn(rows.filter(unknown))
            numbers = self._numbers(rows)
        order = np.argsort(numbers.to_numpy(), kind="stable")
        return Block(rows[order], numbers.to_numpy()[order], len(self))

    def _numbers(self, rows: pl.DataFrame) -> pl.Series:
        """The number of each row's group; null for one that is new. Of the narrowest type, which sorts fastest."""
        if self._known is None:
            schema = nw.from_native(rows.select(self._by)).schema
            check_group_types({c: dtype for c, dtype in schema.items() if not is_category(dtype)})
            self._known = rows.select(*self._by, pl.lit(0, dtype=pl.Int64).alias(GROUP)).clear()
        joined = rows.select(self._by).join(
            self._known, on=self._by, how="left", nulls_equal=True, maintain_order="left"
        )
        return joined[GROUP].cast(pl.Int16 if len(self) < 2**15 else pl.Int32)

    def _learn(self, rows: pl.DataFrame) -> None:
        assert self._known is not None
        new = rows.select(self._by).unique(maintain_order=True)
        check_groups(self._by, len(self) + new.height)
        numbered = new.with_columns(pl.int_range(len(self), len(self) + new.height, dtype=pl.Int64).alias(GROUP))
        self._known = pl.concat([self._known, numbered])


@dataclass(frozen=True)
class Values:
    """The finite values of a column, group after group.

    Of group `groups[i]` there are `sizes[i]` values, one at least, from `starts[i]` on.
    """

    values: Numbers64
    groups: Numbers64
    starts: Numbers64
    sizes: Numbers64

    @property
    def slices(self) -> list[tuple[int, Numbers64]]:
        """Each group's number and values."""
        bounds = zip(self.groups.tolist(), self.starts.tolist(), self.sizes.tolist(), strict=True)
        return [(group, self.values[start : start + size]) for group, start, size in bounds]

    def repeated(self, of_each: Numbers64) -> Numbers64:
        """A number for each group as one for each of its values."""
        return np.repeat(of_each, self.sizes)


class Block:
    """Rows in the order of the numbers of their groups, and the values of their columns, each sorted out once.

    `numbers` are the rows' groups, `known` is how many groups there are so far, in earlier blocks or here.
    """

    def __init__(self, rows: pl.DataFrame, numbers: Numbers64, known: int) -> None:
        self.rows, self.numbers, self.known = rows, numbers, known
        self._starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        self.groups = numbers[self._starts].astype(np.int64)
        self.sizes = np.diff(self._starts, append=len(numbers))
        self._found: dict[str, tuple[Values, Numbers64]] = {}

    def finite(self, column: str) -> Values:
        """The finite values as float64."""
        return self._sorted_out(column)[0]

    def counts(self, column: str) -> Numbers64:
        """4 x groups of the block: rows that are finite, missing, positive infinities and negative infinities."""
        return self._sorted_out(column)[1]

    def slices(self) -> list[tuple[int, pl.DataFrame]]:
        """Each group's number and rows."""
        bounds = zip(self.groups.tolist(), self._starts.tolist(), self.sizes.tolist(), strict=True)
        return [(group, self.rows.slice(start, size)) for group, start, size in bounds]

    def _sorted_out(self, column: str) -> tuple[Values, Numbers64]:
        if column not in self._found:
            values = self.rows[column].cast(pl.Float64).to_numpy(writable=True)
            self._found[column] = self._told_apart(values)
        return self._found[column]

    def _told_apart(self, values: Numbers64) -> tuple[Values, Numbers64]:
        finite = np.isfinite(values)
        if finite.all():
            none = np.zeros_like(self.sizes)
            return Values(values, self.groups, self._starts, self.sizes), np.stack([self.sizes, none, none, none])
        n, plus, minus = (self._number(kind) for kind in (finite, values == np.inf, values == -np.inf))
        sizes = n[n > 0]
        kept = Values(values[finite], self.groups[n > 0], np.cumsum(sizes) - sizes, sizes)
        return kept, np.stack([n, self.sizes - n - plus - minus, plus, minus])

    def _number(self, which: Numbers64) -> Numbers64:
        """How many rows of each group are so."""
        return np.diff(np.searchsorted(np.flatnonzero(which), [*self._starts, len(which)]))


class GroupCollector(ABC):
    """Takes blocks in, gives a part for each group: a state, but for what only `finished` makes one."""

    @abstractmethod
    def add(self, block: Block) -> None:
        """Take a block in."""

    @abstractmethod
    def parts(self) -> dict[Statistic, list[State]]:
        """What was gathered of each group, in the order of their numbers."""


def grown(array: Numbers64, known: int, fill: float = 0) -> Numbers64:
    """The array with as many groups as are known on its last axis, `fill` for those that are new."""
    more = known - array.shape[-1]
    return np.concatenate([array, np.full((*array.shape[:-1], more), fill, array.dtype)], axis=-1) if more else array
