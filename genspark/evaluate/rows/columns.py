"""Scores of rows, column by column: how near the values of generated rows are to those of real ones.

They are computed on at most so many distinct rows of each side, those of the smallest hashes, with all their copies:
exactly where there are no more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError
from genspark.evaluate.rows.samples import RowSample, both, common_columns
from genspark.evaluate.score import Score, signature

if TYPE_CHECKING:
    import polars as pl

MOST = 200_000
"""Distinct rows of each side that are looked at, at most."""
REPLICATES = 100

Values = npt.NDArray[np.float64]
Distance = Callable[[Values, Values, Values], float]
"""(values in order, how often each stands in the one side, and in the other) -> their distance."""
Sides = tuple[Values, Values, Values]
"""What a distance takes."""


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
    made = signature("total_variation", column=column, most=most)
    return _score(made, *_of_names(both(real, generated, [column], most), column), _total_variation)


def column_distances(
    real: Any,
    generated: Any,
    *,
    columns: Sequence[str] | None = None,
    bins: int = 10,
    most: int = MOST,
    interval: bool = False,
) -> Mapping[str, Score]:
    """The distances of every column from one scan of each side, by name, such as `ks_distance of fare`.

    Of numbers there are `ks_distance`, `wasserstein_distance` and `population_stability_index`, of what else has values
    `total_variation`; columns without a number on a side, and of lists and bytes, are left out. By default all columns
    that both sides have. Their intervals take longer than the scan.
    """
    names = common_columns(real, generated, columns)
    samples = both(real, generated, names, most)
    found = {}
    for name in names:
        types = [sample.values.schema[name] for sample in samples]
        distances: dict[str, Distance] = {}
        if all(dtype.is_numeric() for dtype in types):
            if all(np.isfinite(numbers(sample.values, name)).any() for sample in samples):
                distances = {**_DISTANCES, "population_stability_index": functools.partial(_psi, bins=bins)}
                sides = _of_values(samples, name)
        elif not any(dtype.is_nested() or str(dtype) == "Binary" for dtype in types):
            distances, sides = {"total_variation": _total_variation}, _of_names(samples, name)
        for metric, distance in distances.items():
            binned = {"bins": bins} if metric == "population_stability_index" else {}
            made = signature(metric, column=name, most=most, **binned)
            found[f"{metric} of {name}"] = _score(made, *sides, distance, interval=interval)
    return found


def numbers(rows: pl.DataFrame, column: str) -> Values:
    """The numbers of a column, NaN where there is none. Raises DataError for a column of something else."""
    import polars as pl

    dtype = rows.schema[column]
    if not (dtype.is_numeric() or dtype == pl.Boolean):
        raise DataError(f"column {column!r} holds {dtype}, and this score is of numbers; see total_variation")
    return rows[column].cast(pl.Float64).to_numpy()


def _of_numbers(
    name: str, real: Any, generated: Any, column: str, most: int, distance: Distance, **parameters: Any
) -> Score:
    sides = _of_values(both(real, generated, [column], most), column)
    return _score(signature(name, column=column, most=most, **parameters), *sides, distance)


def _of_values(samples: tuple[RowSample, RowSample], column: str) -> Sides:
    sides = []
    for sample, side in zip(samples, ("real", "generated"), strict=True):
        values = numbers(sample.values, column)
        kept = ~np.isnan(values)
        if not kept.any():
            raise DataError(f"column {column!r} of {side} has no number; nothing can be scored")
        sides.append((values[kept], sample.times[kept]))
    grid, place = np.unique(np.concatenate([values for values, _ in sides]), return_inverse=True)
    cut = len(sides[0][0])
    one, two = (
        np.bincount(some, times, len(grid)).astype(np.float64)
        for some, (_, times) in zip((place[:cut], place[cut:]), sides, strict=True)
    )
    return grid, one, two


def _of_names(samples: tuple[RowSample, RowSample], column: str) -> Sides:
    sides = [_counted(sample, column) for sample in samples]
    names = sorted({*sides[0], *sides[1]})
    one, two = (np.array([side.get(name, 0.0) for name in names]) for side in sides)
    return np.arange(len(names), dtype=np.float64), one, two


def _counted(sample: RowSample, column: str) -> dict[tuple[bool, str], float]:
    """How often each value of a column stands in a sample; null is a value, and not that of the text 'None'."""
    found: dict[tuple[bool, str], float] = {}
    for value, times in zip(sample.values[column].to_list(), sample.times, strict=True):
        name = value is None, str(value)
        found[name] = found.get(name, 0.0) + float(times)
    return found


def _score(
    made: dict[str, Any], grid: Values, one: Values, two: Values, distance: Distance, *, interval: bool = True
) -> Score:
    value, bounds = distance(grid, one, two), None
    if interval:
        chance = np.random.default_rng(0)
        drawn = [distance(grid, _drawn(chance, one), _drawn(chance, two)) for _ in range(REPLICATES)]
        # The bootstrap adds its own noise to a distance: the interval is about the value, as wide as draws are spread.
        spread = 1.96 * float(np.std(drawn))
        bounds = (max(0.0, value - spread), value + spread)
    return Score(value, int(two.sum()), made, bounds, {"real_n": float(one.sum())})


def _drawn(chance: np.random.Generator, counts: Values) -> Values:
    """How often each value stands in a replicate of the bootstrap; of an empty one the counts themselves."""
    drawn = chance.poisson(counts).astype(np.float64)
    return drawn if drawn.any() else counts


def _ks(_: Values, one: Values, two: Values) -> float:
    return float(np.abs(np.cumsum(one) / one.sum() - np.cumsum(two) / two.sum()).max())


def _wasserstein(grid: Values, one: Values, two: Values) -> float:
    apart = np.abs(np.cumsum(one) / one.sum() - np.cumsum(two) / two.sum())
    return float((apart[:-1] * np.diff(grid)).sum())


def _total_variation(_: Values, one: Values, two: Values) -> float:
    return float(np.abs(one / one.sum() - two / two.sum()).sum() / 2.0)


def _psi(grid: Values, one: Values, two: Values, bins: int) -> float:
    place = np.searchsorted(np.unique(quantiles(grid, one, np.linspace(0, 1, bins + 1)[1:-1])), grid, side="right")
    counts = (np.bincount(place, each) for each in (one, two))
    r, g = (np.maximum(count / count.sum(), 1e-4) for count in counts)
    return float(((g - r) * np.log(g / r)).sum())


_DISTANCES: Mapping[str, Distance] = {"ks_distance": _ks, "wasserstein_distance": _wasserstein}


def quantiles(grid: Values, counts: Values, shares: Values) -> Values:
    """Quantiles of values that stand so often each, interpolated as NumPy does."""
    upto = np.cumsum(counts)
    last = upto[-1] - 1.0
    place = shares * last
    below = grid[np.searchsorted(upto, np.floor(place), side="right")]
    above = grid[np.searchsorted(upto, np.minimum(np.floor(place) + 1.0, last), side="right")]
    found: Values = below + (above - below) * (place - np.floor(place))
    return found
