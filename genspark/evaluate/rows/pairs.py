"""Scores of pairs of columns: whether generated rows keep how columns hang together, by exact scans of all rows."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.rows.columns import numbers, quantiles
from genspark.evaluate.rows.samples import RowSample, common_columns, of_frame
from genspark.evaluate.score import Score, signature

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

Matrix = npt.NDArray[np.float64]
CATEGORIES = 100
"""Values of a column of names that are told apart, the most frequent ones; the others count as one."""
_BLOCK = 8192
"""Rows whose products are taken at once: what is computed on the way stays in the cache."""
EDGES_FROM = 20_000
"""Distinct real rows from which the edges of bins and the most frequent names are found, at most."""


def correlation_distance(real: Any, generated: Any, *, columns: Sequence[str]) -> Score:
    """The mean difference of Pearson's correlations over all pairs of columns of numbers, from 0 (best) to 2.

    Each correlation is of all rows that have both numbers: one scan of each side. `parts` has each pair. Raises
    DataError for fewer than two columns, and where a pair has no correlation since a column of it has one value.
    """
    if len(columns) < 2:
        raise DataError("correlations need two columns at least; name more")
    names = list(columns)
    one, two = parts.of_both(real, generated, names, functools.partial(_moments, columns=names))
    correlations = [_correlations(side, names, name) for side, name in ((one, "real"), (two, "generated"))]
    apart = np.abs(correlations[0] - correlations[1])
    pairs = {f"{names[i]} x {names[j]}": float(apart[i, j]) for i, j in itertools.combinations(range(len(names)), 2)}
    made = signature("correlation_distance", columns=names)
    return Score(float(np.mean(list(pairs.values()))), two.rows, made, None, pairs)


def contingency_distance(real: Any, generated: Any, *, columns: Sequence[str] | None = None, bins: int = 10) -> Score:
    """The mean total variation of the joint distributions of two columns, over all pairs, from 0 (best) to 1.

    Numbers are put into `bins` that hold equally many real values each, a missing one into a bin of its own; of names
    the 100 most frequent real ones are told apart. These are found from at most 20,000 distinct real rows, those of
    the smallest hashes; the joint counts are of all rows. `parts` has each pair. Raises DataError for fewer than two
    columns.
    """
    names = common_columns(real, generated, columns)
    if len(names) < 2:
        raise DataError("joint distributions need two columns at least; name more")
    sample = of_frame(real, names, EDGES_FROM, "real")
    codes = {name: _code(sample, name, bins) for name in names}
    one, two = parts.of_both(real, generated, names, functools.partial(_joint, codes=codes))
    pairs = {}
    for i, j in itertools.combinations(range(len(names)), 2):
        p, q = (side.counts[i, j] / side.rows for side in (one, two))
        pairs[f"{names[i]} x {names[j]}"] = float(np.abs(p - q).sum() / 2.0)
    made = signature("contingency_distance", columns=names, bins=bins)
    return Score(float(np.mean(list(pairs.values()))), two.rows, made, None, pairs)


@dataclass(frozen=True)
class _Moments:
    """Of each two columns over the rows that have both: rows, the first's mean and squares, and co-moments."""

    rows: int
    count: Matrix
    mean: Matrix
    squares: Matrix
    products: Matrix

    @classmethod
    def of(cls, values: Matrix) -> _Moments:
        """Of columns x rows, NaN where a number is missing."""
        there = np.isfinite(values)
        rows = values.shape[1]
        if there.all():
            # Most batches: one product in place of four.
            center = values.sum(axis=1) / max(rows, 1)
            apart = values - center[:, None]
            products = apart @ apart.T
            squares = np.broadcast_to(np.diag(products)[:, None], products.shape)
            mean = np.broadcast_to(center[:, None], products.shape)
            return cls(rows, np.full(products.shape, float(rows)), mean, squares, products)
        mask = there.astype(np.float64)
        center = np.where(there, values, 0.0).sum(axis=1) / np.maximum(mask.sum(axis=1), 1.0)
        apart = np.where(there, values - center[:, None], 0.0)
        count = mask @ mask.T
        rest = apart @ mask.T / np.maximum(count, 1.0)
        squares = apart**2 @ mask.T - rest**2 * count
        products = apart @ apart.T - rest * rest.T * count
        return cls(rows, count, rest + center[:, None], squares, products)

    def merged(self, other: _Moments) -> _Moments:
        count = self.count + other.count
        share = np.divide(other.count, count, out=np.zeros_like(count), where=count > 0)
        apart = np.where((self.count > 0) & (other.count > 0), other.mean - self.mean, 0.0)
        mean = np.where(self.count > 0, self.mean + apart * share, other.mean)
        between = self.count * share
        squares = self.squares + other.squares + apart**2 * between
        products = self.products + other.products + apart * apart.T * between
        return _Moments(self.rows + other.rows, count, mean, squares, products)


def _moments(found: Iterator[pa.Table], columns: list[str]) -> _Moments:
    import polars as pl

    state = _Moments.of(np.zeros((len(columns), 0)))
    for table in found:
        rows = pl.DataFrame(pl.from_arrow(table))
        if rows.height:
            values = np.stack([numbers(rows, name) for name in columns])
            for start in range(0, rows.height, _BLOCK):
                state = state.merged(_Moments.of(values[:, start : start + _BLOCK]))
    return state


def _correlations(side: _Moments, names: Sequence[str], name: str) -> Matrix:
    spread = np.sqrt(side.squares * side.squares.T)
    for i, j in itertools.combinations(range(len(names)), 2):
        if spread[i, j] <= 0:
            constant = names[i] if side.squares[i, j] <= 0 else names[j]
            raise DataError(
                f"column {constant!r} of {name} has one value in all rows that it is compared in, and so no correlation"
            )
    found: Matrix = np.divide(side.products, spread, out=np.zeros_like(spread), where=spread > 0)
    return found


@dataclass(frozen=True)
class _Code:
    """How values of a column become whole numbers below `size`: by edges, or by name; a missing one is the last."""

    edges: tuple[float, ...] | None
    names: Mapping[str, int]
    size: int

    def of(self, rows: pl.DataFrame, column: str) -> npt.NDArray[np.int64]:
        import polars as pl

        if self.edges is not None:
            values = numbers(rows, column)
            return np.where(np.isnan(values), self.size - 1, np.searchsorted(self.edges, values, side="right"))
        texts = rows[column].cast(pl.String)
        others = pl.when(texts.is_null()).then(self.size - 1).otherwise(self.size - 2)
        coded = pl.select(
            pl.lit(texts)
            .replace_strict(list(self.names), list(self.names.values()), default=None, return_dtype=pl.Int64)
            .fill_null(others)
        )
        return coded.to_series().to_numpy()


def _code(sample: RowSample, column: str, bins: int) -> _Code:
    import polars as pl

    values = sample.values
    if values.schema[column].is_numeric():
        given, times = numbers(values, column), sample.times
        kept = np.isfinite(given)
        grid, place = np.unique(given[kept], return_inverse=True)
        if not len(grid):
            return _Code((), {}, 2)
        counts = np.bincount(place, times[kept]).astype(np.float64)
        edges = np.unique(quantiles(grid, counts, np.linspace(0, 1, bins + 1)[1:-1]))
        return _Code(tuple(edges.tolist()), {}, len(edges) + 2)
    texts = pl.DataFrame({"name": values[column].cast(pl.String), "times": sample.times}).drop_nulls()
    ranked = texts.group_by("name").agg(pl.col("times").sum()).sort(["times", "name"], descending=[True, False])
    names = {name: place for place, name in enumerate(ranked["name"].head(CATEGORIES).to_list())}
    return _Code(None, names, len(names) + 2)


@dataclass(frozen=True)
class _Joint:
    """The rows, and how often two columns' codes stand together, for each two columns."""

    rows: int
    counts: Mapping[tuple[int, int], npt.NDArray[np.int64]]

    def merged(self, other: _Joint) -> _Joint:
        if not self.rows or not other.rows:
            return self if self.rows else other
        return _Joint(self.rows + other.rows, {pair: own + other.counts[pair] for pair, own in self.counts.items()})


def _joint(found: Iterator[pa.Table], codes: Mapping[str, _Code]) -> _Joint:
    import polars as pl

    state = _Joint(0, {})
    sizes = [code.size for code in codes.values()]
    for table in found:
        rows = pl.DataFrame(pl.from_arrow(table))
        if not rows.height:
            continue
        coded = [code.of(rows, name) for name, code in codes.items()]
        counts = {
            (i, j): np.bincount(coded[i] * sizes[j] + coded[j], minlength=sizes[i] * sizes[j])
            for i, j in itertools.combinations(range(len(coded)), 2)
        }
        state = state.merged(_Joint(rows.height, counts))
    return state
