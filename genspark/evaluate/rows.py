"""Scores of rows: how near the columns of generated rows are to those of real ones, one by one and in pairs.

They are computed on at most so many rows of each side, those of the smallest hashes: exactly where there are no more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.score import Score, signature

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

MOST = 200_000
"""Rows of each side that are looked at, at most."""
REPLICATES = 100
_HASH = "__genspark_hash"

Values = npt.NDArray[np.float64]
Distance = Callable[[Values, Values], float]


@dataclass(frozen=True)
class RowSample:
    """At most `most` rows of `n`, in the order of their hashes."""

    most: int
    n: int
    rows: pl.DataFrame | None

    def merged(self, other: RowSample) -> RowSample:
        """The sample of the rows of both."""
        import polars as pl

        if self.rows is None or other.rows is None:
            return self if other.rows is None else other
        rows = pl.concat([self.rows, other.rows], how="vertical_relaxed").sort(_HASH, maintain_order=True)
        return RowSample(self.most, self.n + other.n, rows.head(self.most))


def ks_distance(real: Any, generated: Any, *, column: str, most: int = MOST) -> Score:
    """The largest difference of the distribution functions of a column of numbers, from 0 (best) to 1.

    That is the statistic of Kolmogorov and Smirnov. Nulls and NaN are left out. Raises DataError for a column without
    numbers. The interval is by the bootstrap, as in the other scores of rows.
    """
    return _of_numbers("ks_distance", real, generated, column, most, _ks)


def wasserstein_distance(real: Any, generated: Any, *, column: str, most: int = MOST) -> Score:
    """The area between the distribution functions of a column of numbers, in its unit; 0 is best. As `ks_distance`."""
    return _of_numbers("wasserstein_distance", real, generated, column, most, _wasserstein)


def population_stability_index(real: Any, generated: Any, *, column: str, bins: int = 10, most: int = MOST) -> Score:
    """The population stability index of a column of numbers, by bins that hold equally many real values; 0 is best.

    The sum of (g - r) ln(g / r) over the shares of the bins, where no share counts as less than 0.0001. Below 0.1 is
    taken for stable, above 0.25 for another distribution. As `ks_distance`.
    """
    distance = functools.partial(_psi, bins=bins)
    return _of_numbers("population_stability_index", real, generated, column, most, distance, bins=bins)


def total_variation(real: Any, generated: Any, *, column: str, most: int = MOST) -> Score:
    """Half the sum of the differences of the shares of a column's values, null among them, from 0 (best) to 1."""
    one, two = _both(real, generated, [column], most)
    names = sorted({str(value) for rows in (one, two) for value in rows[column].unique().to_list()})
    places = {name: place for place, name in enumerate(names)}

    def numbers(rows: pl.DataFrame) -> Values:
        return np.array([places[str(value)] for value in rows[column].to_list()], dtype=np.float64)

    def distance(x: Values, y: Values) -> float:
        shares = [np.bincount(each.astype(np.int64), minlength=len(names)) / len(each) for each in (x, y)]
        return float(np.abs(shares[0] - shares[1]).sum() / 2.0)

    return _score(signature("total_variation", column=column, most=most), numbers(one), numbers(two), distance)


def correlation_distance(real: Any, generated: Any, *, columns: Sequence[str], most: int = MOST) -> Score:
    """The mean difference of Pearson's correlations over all pairs of columns of numbers, from 0 (best) to 2.

    Rows with a null or NaN in one of the columns are left out. `parts` has each pair. Raises DataError for fewer than
    two columns, and for one that is constant.
    """
    if len(columns) < 2:
        raise DataError("correlations need two columns at least; name more")
    one, two = ((_matrix(rows, columns)) for rows in _both(real, generated, columns, most))
    for values, name in ((one, "real"), (two, "generated")):
        constant = [column for column, spread in zip(columns, values.std(axis=0), strict=True) if not spread]
        if constant:
            raise DataError(f"column {constant[0]!r} of {name} has one value in every row, and so no correlation")
    upper = np.triu_indices(len(columns), 1)
    apart = np.abs(np.corrcoef(one.T) - np.corrcoef(two.T))[upper]
    places = zip(*(place.tolist() for place in upper), apart.tolist(), strict=True)
    pairs = {f"{columns[i]} x {columns[j]}": value for i, j, value in places}
    made = signature("correlation_distance", columns=list(columns), most=most)
    return Score(float(apart.mean()), len(two), made, None, pairs)


def _of_numbers(
    name: str, real: Any, generated: Any, column: str, most: int, distance: Distance, **parameters: Any
) -> Score:
    one, two = (_matrix(rows, [column])[:, 0] for rows in _both(real, generated, [column], most))
    for values, side in ((one, "real"), (two, "generated")):
        if not len(values):
            raise DataError(f"column {column!r} of {side} has no number; nothing can be scored")
    return _score(signature(name, column=column, most=most, **parameters), one, two, distance)


def _score(made: dict[str, Any], one: Values, two: Values, distance: Distance) -> Score:
    chance = np.random.default_rng(0)
    value = distance(one, two)
    drawn = [distance(chance.choice(one, len(one)), chance.choice(two, len(two))) for _ in range(REPLICATES)]
    # The bootstrap adds its own noise to a distance: the interval is about the value, as wide as the draws are spread.
    spread = 1.96 * float(np.std(drawn))
    return Score(value, len(two), made, (max(0.0, value - spread), value + spread), {"real_n": float(len(one))})


def _both(real: Any, generated: Any, columns: Sequence[str], most: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    one, two = parts.of_both(real, generated, list(columns), functools.partial(_sample, most=most))
    for sample, name in ((one, "real"), (two, "generated")):
        if sample.rows is None:
            raise DataError(f"{name} has no rows; nothing can be scored")
    assert one.rows is not None
    assert two.rows is not None
    return one.rows.drop(_HASH), two.rows.drop(_HASH)


def _sample(found: Iterator[pa.Table], most: int) -> RowSample:
    import polars as pl

    state = RowSample(most, 0, None)
    for table in found:
        rows = pl.DataFrame(pl.from_arrow(table))
        if rows.height:
            hashed = rows.with_columns(rows.hash_rows(seed=0).alias(_HASH)).sort(_HASH, maintain_order=True)
            state = state.merged(RowSample(most, rows.height, hashed.head(most)))
    return state


def _matrix(rows: pl.DataFrame, columns: Sequence[str]) -> Values:
    """The rows that have a number in each of the columns: (rows, columns)."""
    import polars as pl

    for column in columns:
        if not (rows.schema[column].is_numeric() or rows.schema[column] == pl.Boolean):
            raise DataError(
                f"column {column!r} holds {rows.schema[column]}, and this score is of numbers; see total_variation"
            )
    numbers = rows.select(pl.col(columns).cast(pl.Float64).fill_nan(None)).drop_nulls()
    return numbers.to_numpy().astype(np.float64, copy=False)


def _ks(x: Values, y: Values) -> float:
    values = np.sort(np.concatenate([x, y]))
    shares = (np.searchsorted(np.sort(each), values, side="right") / len(each) for each in (x, y))
    return float(np.abs(np.subtract(*shares)).max())


def _wasserstein(x: Values, y: Values) -> float:
    values = np.sort(np.concatenate([x, y]))
    shares = (np.searchsorted(np.sort(each), values[:-1], side="right") / len(each) for each in (x, y))
    return float((np.abs(np.subtract(*shares)) * np.diff(values)).sum())


def _psi(x: Values, y: Values, bins: int) -> float:
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = (np.bincount(np.searchsorted(edges, each, side="right"), minlength=len(edges) + 1) for each in (x, y))
    r, g = (np.maximum(count / count.sum(), 1e-4) for count in counts)
    return float(((g - r) * np.log(g / r)).sum())
