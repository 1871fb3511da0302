"""Blocks of rows in the order of their groups, and collectors that gather from them group by group."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from genspark.engines.polars.gather.batch import Numbers64
from genspark.statistics import State, Statistic
from genspark.statistics.moments import COUNTS


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
        """Repeat each group's number for each of its values."""
        return np.repeat(of_each, self.sizes)


class Block:
    """Rows in the order of their groups' numbers, and the values of their columns, each computed once.

    `numbers` are the rows' groups, `known` is how many groups there are so far, in earlier blocks or here.
    """

    def __init__(self, rows: pl.DataFrame, numbers: Numbers64, known: int) -> None:
        self.rows, self.numbers, self.known = rows, numbers, known
        self._starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        self.groups = numbers[self._starts].astype(np.int64)
        self.sizes = np.diff(self._starts, append=len(numbers))
        self._split: dict[str, tuple[Values, Numbers64]] = {}

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
        if column not in self._split:
            values = self.rows[column].cast(pl.Float64).to_numpy(writable=True)
            self._split[column] = self._by_kind(values)
        return self._split[column]

    def _by_kind(self, values: Numbers64) -> tuple[Values, Numbers64]:
        finite = np.isfinite(values)
        if finite.all():
            none = np.zeros_like(self.sizes)
            return Values(values, self.groups, self._starts, self.sizes), np.stack([self.sizes, none, none, none])
        n, plus, minus = (self._number(kind) for kind in (finite, values == np.inf, values == -np.inf))
        sizes = n[n > 0]
        kept = Values(values[finite], self.groups[n > 0], np.cumsum(sizes) - sizes, sizes)
        return kept, np.stack([n, self.sizes - n - plus - minus, plus, minus])

    def _number(self, which: Numbers64) -> Numbers64:
        """The number of rows in each group for which `which` is true."""
        return np.diff(np.searchsorted(np.flatnonzero(which), [*self._starts, len(which)]))


class GroupCollector(ABC):
    """Takes blocks and gives a part for each group, of which `Statistic.finish` makes its state."""

    @abstractmethod
    def add(self, block: Block) -> None:
        """Take in a block."""

    @abstractmethod
    def parts(self) -> dict[Statistic, list[State]]:
        """The part of each group for each statistic, in the order of the groups' numbers."""


class OfValues(GroupCollector):
    """Counts the rows of each group, and gathers from their finite values."""

    def __init__(self, statistic: Statistic) -> None:
        self._statistic, self._column = statistic, statistic.column
        self._counts = np.zeros((4, 0), dtype=np.int64)

    def add(self, block: Block) -> None:
        self._counts = grown(self._counts, block.known)
        self._take(block.finite(self._column))
        self._counts[:, block.groups] += block.counts(self._column)

    def parts(self) -> dict[Statistic, list[State]]:
        names, counts = ("count", *COUNTS), self._counts.T.tolist()
        states = (dict(zip(names, of_group, strict=True)) for of_group in counts)
        return {self._statistic: [{**state, **rest} for state, rest in zip(states, self._fields(), strict=True)]}

    @abstractmethod
    def _take(self, some: Values) -> None:
        """Take in values. `_counts` has room for their groups, and does not count them yet."""

    @abstractmethod
    def _fields(self) -> Iterable[State]:
        """The fields of each group's state beside the counts."""


def grown(array: Numbers64, known: int, fill: float = 0) -> Numbers64:
    """The array grown to the number of known groups on its last axis, with `fill` for the new ones."""
    more = known - array.shape[-1]
    return np.concatenate([array, np.full((*array.shape[:-1], more), fill, array.dtype)], axis=-1) if more else array


def slices(sizes: Numbers64) -> Iterable[tuple[int, int]]:
    """The (start, stop) of adjacent parts of these sizes."""
    return itertools.pairwise([0, *np.cumsum(sizes).tolist()])
