"""The search for the levels of quasi-identifiers that lose the least, and at which classes are large enough."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.columns.coarser import Cut, coarser
from genspark.errors import DataError
from genspark.statistics.anonymity import Cells, Codes, summary
from genspark.steps.anonymize.hierarchy import NONE

MOST_NODES = 20_000
Class = tuple[Any, ...]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Goal:
    """What every class must have: `k` rows, `l` distinct sensitive values, `t` as their most distance (None: any).

    At most the share `most` of the rows may be suppressed. `joins`: those rows stay, as one class that tells nothing.
    """

    k: int
    l: int  # noqa: E741 - its name everywhere
    t: float | None
    most: float
    is_sensitive: bool
    ordered: bool
    joins: bool


@dataclass(frozen=True)
class Found:
    """The levels of the columns, the classes that stay (by their values), and what the table has then."""

    levels: tuple[int, ...]
    classes: list[Class]
    suppressed: int
    measures: dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of the counted combinations: for each level the number of the value of each combination, and the values.

    Level by level from the least that may be told; at the last there is the one value None.
    """

    least: int
    codes: Sequence[Codes]
    values: Sequence[list[Any]]

    @classmethod
    def of(cls, values: Sequence[Any], dtype: pa.DataType, cuts: Sequence[Cut], least: int) -> Column:
        """The column with these values, which are of the level `least` already."""
        coded = pa.array(values, dtype).dictionary_encode("encode")
        distinct, places = coded.dictionary, coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        codes, found = [], []
        for level, cut in enumerate(cuts[least:], start=least):
            made = distinct if level == least else coarser(distinct, cut)
            if cut == NONE:
                made = pa.nulls(len(distinct), dtype)
            again = made.dictionary_encode("encode")
            codes.append(again.indices.to_numpy(zero_copy_only=False).astype(np.int64)[places])
            found.append(again.dictionary.to_pylist())
        return cls(least, codes, found)


def search(columns: Sequence[Column], sensitive: Codes, counts: Codes, goal: Goal) -> Found:
    """The levels that lose the least of those that reach the goal, by how far columns climb in their hierarchies.

    Of several that lose as much, the one that suppresses the fewest rows. Where no column tells anything all rows are
    one class. Source of the measure: L. Sweeney, "Achieving k-anonymity privacy protection using generalization and
    suppression", 2002 (precision). Raises DataError where not even that reaches the goal, and for too many levels.
    """
    nodes = int(np.prod([len(column.codes) for column in columns]))
    if nodes > MOST_NODES:
        raise DataError(
            f"the hierarchies have {nodes:,} combinations of levels, {MOST_NODES:,} at most are tried; give fewer"
        )
    if not len(counts):
        return Found(tuple(column.least for column in columns), [], 0, {})
    for alike in _by_loss(columns):
        found = [one for node in alike if (one := _reached(columns, node, sensitive, counts, goal))]
        if found:
            return min(found, key=lambda one: one.suppressed)
    raise DataError(
        f"all {int(counts.sum()):,} rows in one class do not reach the goal (k {goal.k}, l {goal.l}): there are too "
        "few rows, or too few sensitive values"
    )


def _by_loss(columns: Sequence[Column]) -> Iterator[list[tuple[int, ...]]]:
    """The nodes of the lattice, those together that lose as much, the least first."""

    def loss(node: tuple[int, ...]) -> float:
        each = zip(node, columns, strict=True)
        total = sum((at + column.least) / (len(column.codes) - 1 + column.least) for at, column in each)
        return round(total, 9)

    nodes = sorted(itertools.product(*(range(len(column.codes)) for column in columns)), key=loss)
    for _, alike in itertools.groupby(nodes, key=loss):
        yield list(alike)


def _reached(
    columns: Sequence[Column], node: tuple[int, ...], sensitive: Codes, counts: Codes, goal: Goal
) -> Found | None:
    """What a node gives, where it reaches the goal: classes that do not are suppressed until the others do."""
    classes = np.zeros(len(counts), dtype=np.int64)
    for column, at in zip(columns, node, strict=True):
        _, classes = np.unique(classes * len(column.values[at]) + column.codes[at], return_inverse=True)
    _, first = np.unique(classes, return_index=True)
    values = [
        tuple(column.values[at][column.codes[at][row]] for column, at in zip(columns, node, strict=True))
        for row in first
    ]
    of_nothing = values.index((None,) * len(columns)) if (None,) * len(columns) in values else len(values)
    sizes = np.bincount(classes, weights=counts)
    stays = np.ones(len(values), dtype=bool)
    while stays.any():
        kept = stays[classes]
        suppressed = int(counts[~kept].sum())
        if suppressed > goal.most * counts.sum():
            return None
        shown = np.where(kept, classes, of_nothing)
        there = kept | goal.joins
        cells = Cells.of(shown[there], sensitive[there], counts[there])
        bad = np.unique(shown[there])[~_holds(cells, goal)]
        if not len(bad):
            levels = tuple(at + column.least for column, at in zip(columns, node, strict=True))
            told = [one for one, is_kept in zip(values, stays, strict=True) if is_kept]
            measures = summary(cells, is_sensitive=goal.is_sensitive, ordered=goal.ordered)
            return Found(levels, told, suppressed, measures)
        if goal.joins and of_nothing in bad:
            # What is suppressed must be a class that holds, too: it is filled up from the smallest of the others.
            others = np.flatnonzero(stays & (np.arange(len(values)) != of_nothing))
            if not len(others):
                return None
            bad = np.append(bad[bad != of_nothing], others[np.argmin(sizes[others])])
        stays[bad] = False
    return None


def _holds(cells: Cells, goal: Goal) -> Flags:
    holds = (cells.sizes() >= goal.k) & (cells.diversity() >= goal.l)
    if goal.t is not None:
        # A distance is a sum of shares, and rounds.
        holds &= cells.closeness(ordered=goal.ordered) <= goal.t + 1e-12
    return holds
