"""Fréchet distance of features: how far generated images are from real ones, as two normal distributions.

|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of the means and covariances. Source: M. Heusel et al., "GANs trained by a
two time-scale update rule converge to a local Nash equilibrium", 2017; with the features of its Inception network it is
called FID. The bias at n samples is extrapolated as M. J. Chong and D. Forsyth, "Effectively unbiased FID and Inception
Score and where to find them", 2020, do.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genspark.errors import DataError
from genspark.evaluate.mixing import of_vectors
from genspark.evaluate.moments import Moments
from genspark.evaluate.parts import of_both
from genspark.evaluate.score import Score, signature
from genspark.evaluate.vectors import Matrix, length, matrix

if TYPE_CHECKING:
    import pyarrow as pa

GROUPS = 10
"""Groups of rows, of which one at a time is left out for the interval."""
_QUICK = 256
"""Numbers of a vector up to which an interval takes less than a second."""


@dataclass(frozen=True)
class Grouped:
    """The moments of the rows of each group; a row's group is a hash of its vector, so it is the same in any part."""

    groups: tuple[Moments, ...]

    def merged(self, other: Grouped) -> Grouped:
        """The moments of the rows of both."""
        return Grouped(tuple(one.merged(two) for one, two in zip(self.groups, other.groups, strict=True)))

    @property
    def whole(self) -> Moments:
        """The moments of all rows."""
        return functools.reduce(Moments.merged, self.groups)

    def without(self, group: int) -> Moments:
        """The moments of the rows of all groups but one."""
        return functools.reduce(Moments.merged, (*self.groups[:group], *self.groups[group + 1 :]))


def frechet_distance(
    real: Any,
    generated: Any,
    *,
    column: str = "features",
    interval: bool | None = None,
    extractor: str = "given",
) -> Score:
    """The Fréchet distance between the vectors in a column of two tables or frames; 0 is best.

    The interval is by the jackknife over ten groups of rows, for which ten covariances are kept in place of one and 16
    distances computed: if left out, of vectors of at most 256 numbers. With it, `parts` has the distance `at_infinity`,
    extrapolated to samples without end. `extractor` names what made the vectors, for the signature. Raises DataError
    for fewer than two vectors, and for vectors of different lengths.
    """
    if interval is None:
        interval = 0 < length(real, column) <= _QUICK
    groups = GROUPS if interval else 1
    work = functools.partial(grouped, column=column, groups=groups)
    one, two = of_both(real, generated, [column], work)
    whole = one.whole, two.whole
    _check(whole, column)
    value = distance(*whole)
    bounds = _jackknife(value, one, two) if interval else None
    parts = {"mean": float(((whole[0].mean - whole[1].mean) ** 2).sum()), "real_n": float(whole[0].n)}
    if interval:
        parts["at_infinity"] = _at_infinity(one, two)
    made = signature("frechet_distance", column=column, extractor=extractor, dimensions=len(whole[0].mean))
    return Score(value, whole[1].n, made, bounds, parts, _warnings(*whole))


def distance(one: Moments, two: Moments) -> float:
    """The Fréchet distance of two normal distributions of these moments."""
    apart = one.mean - two.mean
    s1, s2 = one.covariance, two.covariance
    # The roots of the eigenvalues of S1 S2 are the singular values of the product of the factors of S1 and S2.
    f1, f2 = _factor(s1), _factor(s2)
    common = np.linalg.svd(f1.T @ f2, compute_uv=False).sum()
    return float(apart @ apart + np.trace(s1) + np.trace(s2) - 2.0 * common)


def grouped(found: Iterator[pa.Table], column: str, groups: int) -> Grouped:
    """The moments of the vectors in a column, by group."""
    state = [Moments(0, np.zeros(0), np.zeros((0, 0)))] * groups
    for table in found:
        if not table.num_rows:
            continue
        if groups == 1:
            state[0] = state[0].merged(Moments.of(matrix(table, column, as_they_are=True)))
            continue
        vectors = matrix(table, column)
        places = of_vectors(vectors) % np.uint64(groups)
        for group in range(groups):
            some = vectors[places == group]
            if len(some):
                state[group] = state[group].merged(Moments.of(some))
    return Grouped(tuple(state))


def _jackknife(value: float, one: Grouped, two: Grouped) -> tuple[float, float]:
    """The interval of 95 % from the distances with one group left out at a time, of both sides alike."""
    least = min(min(state.whole.n - group.n for group in state.groups) for state in (one, two))
    if least < 2:
        return (value, value)
    each = np.array([distance(one.without(i), two.without(i)) for i in range(GROUPS)])
    error = np.sqrt((GROUPS - 1) / GROUPS * ((each - each.mean()) ** 2).sum())
    # The quantile of 97.5 % of Student's t with nine degrees of freedom.
    return (max(0.0, value - 2.2622 * error), value + 2.2622 * error)


def _at_infinity(one: Grouped, two: Grouped) -> float:
    """The distance at 1/n = 0, on the line through those of half the groups up to all."""
    some = [(Grouped(one.groups[:k]).whole, Grouped(two.groups[:k]).whole) for k in range(GROUPS // 2, GROUPS + 1)]
    sized = [(1.0 / min(a.n, b.n), distance(a, b)) for a, b in some if min(a.n, b.n) > 1]
    if len({x for x, _ in sized}) < 2:
        return sized[-1][1]
    sizes, found = np.array(sized, dtype=np.float64).T
    return float(np.polyfit(sizes, found, 1)[1])


def _factor(symmetric: Matrix) -> Matrix:
    """F of S = F F', of as many columns as S has a rank, without the noise of eigenvalues that are 0."""
    values, vectors = np.linalg.eigh(symmetric)
    kept = values > values.max(initial=0.0) * len(values) * np.finfo(np.float64).eps
    factor: Matrix = vectors[:, kept] * np.sqrt(values[kept])
    return factor


def _check(both: tuple[Moments, Moments], column: str) -> None:
    for moments, name in zip(both, ("real", "generated"), strict=True):
        if moments.n < 2:
            raise DataError(f"{name} has {moments.n} vectors in column {column!r}; a covariance needs two at least")
    if len(both[0].mean) != len(both[1].mean):
        lengths = " and ".join(str(len(moments.mean)) for moments in both)
        raise DataError(f"vectors of real and generated have {lengths} numbers; one extractor makes both")


def _warnings(one: Moments, two: Moments) -> list[str]:
    fewest, d = min(one.n, two.n), len(one.mean)
    if fewest >= 10 * d:
        return []
    return [f"{fewest:,} vectors of {d:,} numbers: the distance of so few is too high; have {10 * d:,} at least"]
