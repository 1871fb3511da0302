"""Means and co-moments of columns two by two: covariances, in one pass and exactly mergeable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError, PlanError
from genspark.statistics.base import State, Statistic
from genspark.statistics.moments import overflows

Matrix = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Covariance(Statistic):
    """Means and sums of products of deviations of d numeric columns, pairwise complete.

    State: `rows`, and three d x d lists of lists. `count[i][j]` is the number of rows in which columns i
    and j are both finite, `mean[i][j]` the mean of column i over these rows (0 where there is none), and
    `comoment[i][j]` the sum over them of the products of the deviations from these means. Null, NaN and the
    infinities are all absent. Co-moments and not sums of products: an offset of 1e8 costs no digits.

    With `holdout` above 0 the last of `columns` is a draw in [0, 1) and no column of the state: in a row with
    draw u the cell of column floor(u / holdout), where there is one, is taken as absent. So each cell is
    hidden with that probability, and at most one of a row.

    Raises DataError where a co-moment is too large for a double. Source of the merge: T. Chan, G. Golub,
    R. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979, equation 2.1;
    for two variables: P. Pébay, "Formulas for Robust, One-Pass Parallel Computation of Covariances", 2008.
    """

    holdout: float = 0.0

    kind: ClassVar[str] = "covariance"

    def __post_init__(self) -> None:
        check_holdout(self.holdout, len(self.values))

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the d columns."""
        return self.columns[:-1] if self.holdout else self.columns

    def empty(self) -> State:
        return Pairs.empty(len(self.values)).state(self.values)

    def merge_ungrouped(self, a: State, b: State) -> State:
        return Pairs.of(a).merged(Pairs.of(b)).state(self.values)

    def rescaled(self, state: State, maps: Sequence[tuple[float, float, float]]) -> State:
        """The state after each column x became (x - center) / scale + offset, by its own (center, scale, offset)."""
        pairs = Pairs.of(state)
        center, scale, offset = (np.array(column, dtype=np.float64)[:, None] for column in zip(*maps, strict=True))
        mean = np.where(pairs.count > 0, (pairs.mean - center) / scale + offset, 0.0)
        after = Pairs(pairs.rows, pairs.count, mean, pairs.comoment / scale / scale.T)
        return after.state(self.values)


@dataclass(frozen=True)
class Pairs:
    """The state of `Covariance` as arrays; `count` is of float64, exact to 2**53."""

    rows: int
    count: Matrix
    mean: Matrix
    comoment: Matrix

    @classmethod
    def empty(cls, d: int) -> Self:
        """The state of no rows, with d columns."""
        return cls(0, np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d)))

    @classmethod
    def of(cls, state: State) -> Self:
        """The arrays of a state."""
        d = len(state["count"])
        arrays = (np.array(state[name], dtype=np.float64).reshape(d, d) for name in ("count", "mean", "comoment"))
        return cls(state["rows"], *arrays)

    @classmethod
    def of_values(cls, values: Matrix) -> Self:
        """The arrays of rows x d values, NaN where absent."""
        present = ~np.isnan(values)
        count = present.sum(axis=0)
        with np.errstate(all="ignore"):
            # Around each column's own mean, so that products of what remains lose nothing to an offset.
            center = np.where(present, values, 0.0).sum(axis=0) / np.maximum(count, 1)
            if present.all():
                return cls._of_complete(values - center, center)
            deviations = np.where(present, values - center, 0.0)
            mask = present.astype(np.float64)
            counts = mask.T @ mask
            mean = (deviations.T @ mask) / np.maximum(counts, 1.0)
            comoment = deviations.T @ deviations - mean * mean.T * counts
            return cls(len(values), counts, np.where(counts > 0, mean + center[:, None], 0.0), comoment)

    @classmethod
    def _of_complete(cls, deviations: Matrix, center: Matrix) -> Self:
        n, d = deviations.shape
        rest = deviations.sum(axis=0) / max(n, 1)
        comoment = deviations.T @ deviations - np.outer(rest, rest) * n
        mean = np.broadcast_to((center + rest)[:, None] if n else np.zeros((d, 1)), (d, d))
        return cls(n, np.full((d, d), float(n)), mean, comoment)

    def merged(self, other: Self) -> Self:
        """The arrays of the union of two disjoint sets of rows."""
        count = self.count + other.count
        share = other.count / np.maximum(count, 1.0)
        are_both = (self.count > 0) & (other.count > 0)
        with np.errstate(all="ignore"):
            delta = np.where(are_both, other.mean - self.mean, 0.0)
            mean = np.where(self.count > 0, self.mean + delta * share, other.mean)
            comoment = self.comoment + other.comoment + delta * delta.T * self.count * share
        return type(self)(self.rows + other.rows, count, mean, comoment)

    def state(self, columns: Sequence[str]) -> State:
        """The state. Raises DataError naming the column whose numbers overflow."""
        broken = ~(np.isfinite(self.mean) & np.isfinite(self.comoment))
        if broken.any():
            # Where a product of two overflows, so does the square of one of them.
            worst = np.flatnonzero(broken.diagonal() if broken.diagonal().any() else broken.any(axis=1))
            raise DataError(overflows(columns[worst[0]]))
        counts = self.count.astype(np.int64).tolist()
        return {"rows": self.rows, "count": counts, "mean": self.mean.tolist(), "comoment": self.comoment.tolist()}


def check_holdout(holdout: float, columns: int) -> None:
    """Raise PlanError where hiding at most one cell of a row cannot hide this share of every column."""
    if not 0.0 <= holdout * columns <= 1.0 + 1e-9:
        raise PlanError(
            f"holdout: {holdout:g} of each of {columns} columns, one cell of a row at most, is more than there is; "
            f"give at most {1 / columns:g}"
        )


def drawn_places(draws: Matrix, holdout: float, columns: int) -> tuple[Places, Places]:
    """Rows and columns of the cells that a hold-out hides: at most one in a row, each with probability `holdout`."""
    place = np.floor(draws / holdout)
    rows = np.flatnonzero(place < columns)
    return rows, place[rows].astype(np.intp)


def covariance(state: Mapping[str, object]) -> tuple[Matrix, Matrix]:
    """The mean of each column and the d x d covariance matrix, divisor n as in `Moments`; 0 for a pair without rows.

    Where values are missing each entry is of the rows that have both columns, and the matrix may have
    slightly negative eigenvalues.
    """
    pairs = Pairs.of(dict(state))
    return pairs.mean.diagonal().copy(), pairs.comoment / np.maximum(pairs.count, 1.0)
