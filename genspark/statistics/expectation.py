"""Moments of rows completed by a normal model, from which each round of expectation-maximization learns."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError
from genspark.statistics.base import State, Statistic
from genspark.statistics.covariance import Matrix, check_holdout, drawn_places
from genspark.statistics.moments import overflows

Numbers = tuple[float | None, ...]
Model = tuple[Numbers, Numbers, Numbers, tuple[Numbers, ...]]
"""`Normal` as plain tuples, which a request can hold: center, scale, mean, precision."""

_LARGEST_STACK = 2**22
"""Doubles that the systems of equations solved at once may hold."""


@dataclass(frozen=True)
class Expectation(Statistic):
    """Mean and co-moments of d numeric columns, their missing values completed by a normal model.

    A missing value stands in them by its expectation given the present values of its row, and by its
    covariance with what else is missing there, so that the completed columns vary as the true ones would. All
    numbers are of the standardised values z = (x - center) / scale of `model`. Null, NaN and the infinities are
    missing; a row of nothing else is left out.

    State: `rows` that were not; `mean` (d) and `comoment` (d x d) of z; and of the values that `holdout` hid,
    in each column, `cells`, how many there are, `error` and `error_of_mean`, the sums of the squared errors of the
    model and of z = 0. `holdout` is as in `Covariance`: with it the last of `columns` is a draw.

    Raises DataError where a number is too large for a double. Source: A. Dempster, N. Laird, D. Rubin,
    "Maximum Likelihood from Incomplete Data via the EM Algorithm", 1977; R. Little, D. Rubin, "Statistical
    Analysis with Missing Data", 11.2. The merge is Chan's, as in `Covariance`.
    """

    model: Model
    holdout: float = 0.0

    kind: ClassVar[str] = "expectation"

    def __post_init__(self) -> None:
        check_holdout(self.holdout, len(self.values))

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the d columns."""
        return self.columns[:-1] if self.holdout else self.columns

    def empty(self) -> State:
        return Completed.empty(len(self.values)).state(self.values)

    def merge_ungrouped(self, a: State, b: State) -> State:
        return Completed.of(a).merged(Completed.of(b)).state(self.values)


@dataclass(frozen=True)
class Normal:
    """A normal distribution of d columns: `mean` and `precision`, the inverse covariance, of z = (x - center) / scale.

    A column of which nothing is known has center NaN: its values count as missing and are predicted as NaN.
    """

    center: Matrix
    scale: Matrix
    mean: Matrix
    precision: Matrix

    @classmethod
    def of(cls, model: Model) -> Self:
        """The arrays of a model as plain tuples, or as the lists of JSON."""
        return cls(*(np.array(part, dtype=np.float64) for part in model))

    @property
    def d(self) -> int:
        """The number of columns."""
        return len(self.center)

    def filled(self, values: Matrix) -> Matrix:
        """Rows x columns with each NaN replaced by its expectation given the row's finite values; the rest unchanged.

        A row without any gets the means. An expectation that overflows is the mean too.
        """
        rows = np.flatnonzero(np.isnan(values).any(axis=1))
        if not len(rows):
            return values
        some = values[rows]
        with np.errstate(all="ignore"):
            z = self.standardised(some)
            self.complete(z)
            predicted = z * self.scale + self.center
            expected = np.where(np.isfinite(predicted), predicted, self.mean * self.scale + self.center)
        filled = values.copy()
        filled[rows] = np.where(np.isnan(some), expected, some)
        return filled

    def standardised(self, values: Matrix) -> Matrix:
        """The z of rows x columns, NaN where a value is not finite."""
        z = (values - self.center) / self.scale
        z[~np.isfinite(z)] = np.nan
        return z

    def complete(self, z: Matrix) -> Matrix:
        """Replace each NaN by its expectation given the rest of its row, in place.

        Returns the d x d covariances of what was missing, given the rest, summed over the rows; those in
        which all is missing are completed by the mean, and not in this sum.
        """
        absent = np.isnan(z)
        z[absent] = np.broadcast_to(self.mean, z.shape)[absent]
        pull = (z - self.mean) @ self.precision
        uncertainty = np.zeros(self.d * self.d)
        for rows, k in _alike(absent):
            patterns, which = _distinct(absent[rows])
            places = np.nonzero(patterns)[1].reshape(-1, k)
            pairs = (places[:, :, None], places[:, None, :])
            covariances = np.linalg.inv(self.precision[pairs])
            place = places[which]
            steps = covariances[which] @ np.take_along_axis(pull[rows], place, axis=1)[:, :, None]
            z[rows[:, None], place] -= steps[:, :, 0]
            weighted = covariances * np.bincount(which, minlength=len(places))[:, None, None]
            uncertainty += np.bincount(
                np.ravel_multi_index(pairs, (self.d, self.d)).ravel(), weighted.ravel(), self.d * self.d
            )
        return uncertainty.reshape(self.d, self.d)


@dataclass(frozen=True)
class Completed:
    """The state of `Expectation` as arrays."""

    rows: int
    mean: Matrix
    comoment: Matrix
    cells: Matrix
    error: Matrix
    error_of_mean: Matrix

    @classmethod
    def empty(cls, d: int) -> Self:
        """The moments of no rows."""
        return cls(0, np.zeros(d), np.zeros((d, d)), np.zeros(d), np.zeros(d), np.zeros(d))

    @classmethod
    def of(cls, state: State) -> Self:
        """The arrays of a state."""
        d = len(state["mean"])
        comoment = np.array(state["comoment"], dtype=np.float64).reshape(d, d)
        cells = (np.array(state[name], dtype=np.float64) for name in ("cells", "error", "error_of_mean"))
        return cls(state["rows"], np.array(state["mean"], dtype=np.float64), comoment, *cells)

    @classmethod
    def of_values(cls, values: Matrix, normal: Normal, draws: Matrix | None, holdout: float) -> Self:
        """The arrays of rows x d values, NaN where missing; `draws` where there is a hold-out."""
        with np.errstate(all="ignore"):
            z = normal.standardised(values)
            rows, places = drawn_places(draws, holdout, normal.d) if draws is not None else _NOWHERE
            truth = z[rows, places]
            z[rows, places] = np.nan
            is_known = ~np.isnan(z).all(axis=1)
            uncertainty = normal.complete(z)
            # A value that was missing before it was hidden has no error.
            was_there = ~np.isnan(truth)
            places, truth, predicted = places[was_there], truth[was_there], z[rows, places][was_there]
            weights = (np.ones(len(truth)), (predicted - truth) ** 2, truth**2)
            tested = [np.bincount(places, weight, normal.d).astype(np.float64) for weight in weights]
            known = z if is_known.all() else z[is_known]
            mean = known.sum(axis=0) / max(len(known), 1)
            deviations = known - mean
            return cls(len(known), mean, deviations.T @ deviations + uncertainty, *tested)

    def merged(self, other: Self) -> Self:
        """The arrays of the union of two disjoint sets of rows."""
        rows = self.rows + other.rows
        share = other.rows / max(rows, 1)
        with np.errstate(all="ignore"):
            delta = other.mean - self.mean
            mean = self.mean + delta * share if self.rows else other.mean
            spread = np.outer(delta, delta) * (self.rows * share) if self.rows and other.rows else 0.0
            comoment = self.comoment + other.comoment + spread
            cells = (getattr(self, name) + getattr(other, name) for name in ("cells", "error", "error_of_mean"))
            return type(self)(rows, mean, comoment, *cells)

    def state(self, columns: Sequence[str]) -> State:
        """The state. Raises DataError naming the column whose numbers overflow."""
        numbers = (self.mean, self.comoment.diagonal(), self.error, self.error_of_mean)
        broken = np.flatnonzero(~functools.reduce(np.logical_and, (np.isfinite(some) for some in numbers)))
        if len(broken):
            raise DataError(overflows(columns[broken[0]]))
        return {
            "rows": self.rows,
            "mean": self.mean.tolist(),
            "comoment": self.comoment.tolist(),
            "cells": self.cells.astype(np.int64).tolist(),
            "error": self.error.tolist(),
            "error_of_mean": self.error_of_mean.tolist(),
        }


_NOWHERE = np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)


def _alike(absent: npt.NDArray[np.bool_]) -> Iterator[tuple[npt.NDArray[np.intp], int]]:
    """Groups of rows with equally many values missing (some, not all), each with that number: a stack of equations."""
    missing = absent.sum(axis=1)
    for k in np.unique(missing).tolist():
        if 0 < k < absent.shape[1]:
            rows = np.flatnonzero(missing == k)
            for begin in range(0, len(rows), at_once := max(1, _LARGEST_STACK // k**2)):
                yield rows[begin : begin + at_once], k


def _distinct(absent: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """The distinct rows, and the index of each row among them: equations that many rows share are solved once."""
    bits = np.packbits(absent, axis=1)
    width = max(8, bits.shape[1])
    padded = np.zeros((len(bits), width), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    # Up to 64 columns are one number, which sorts far faster than bytes do.
    keys = padded.view(np.uint64 if width == 8 else np.dtype((np.void, width))).ravel()
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return absent[first], which
