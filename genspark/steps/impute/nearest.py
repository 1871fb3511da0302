"""Missing values filled from the nearest rows of a sample: a hot deck."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import Draw
from genspark.columns.kernels import Kernel, Numbers, column, matrix
from genspark.errors import GensparkError
from genspark.statistics import Moments, Sample, State, Statistic
from genspark.statistics.moments import deviation, mean
from genspark.steps.impute.filling import RowFilling, hidden
from genspark.steps.learner import Parameters

Row = tuple[float | None, ...]


@dataclass(frozen=True)
class Nearest(RowFilling):
    """The mean of the nearest donors that have the column, by scikit-learn's KNNImputer on a sample of rows."""

    neighbors: int
    sample_size: int
    seed: int

    def statistics(self) -> Sequence[Statistic]:
        return [self._sample, *(Moments((name,)) for name in self.columns)]

    def draws(self) -> Sequence[Draw]:
        return [Draw(self.seed, "impute_nearest")]

    def fit(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        moments = {name: states[Moments((name,))] for name in self.columns}
        # A row without any value is near to none.
        donors = [row for row in states[self._sample]["rows"] if any(value is not None for value in row)]
        return {
            "center": {name: mean(state) for name, state in moments.items()},
            "scale": {name: _scale(state) for name, state in moments.items()},
            "donors": donors,
        }

    def learnt(self, parameters: Parameters) -> Sequence[str]:
        return [name for name in self.columns if parameters["center"][name] is not None]

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        center, scale = (tuple(parameters[name][c] for c in self.columns) for name in ("center", "scale"))
        function = OfDonors(center, scale, tuple(tuple(row) for row in parameters["donors"]), self.neighbors)
        return [Kernel(self.columns, {hidden(name): pa.float64() for name in self.columns}, function)]

    @property
    def _sample(self) -> Sample:
        return Sample.by_draw(self.columns, self.draws()[0], self.sample_size)


@dataclass(frozen=True)
class OfDonors:
    """Columns of numbers -> the same columns with missing values taken from the nearest donors.

    Distances are Euclidean over the standardised columns that both rows have, scaled up to all of them.
    A row of nothing but missing values gets the means. Infinite values say nothing of a distance, and stay.
    """

    center: Row
    scale: Row
    donors: tuple[Row, ...]
    neighbors: int

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """The completed columns, one for each input."""
        values = matrix(arrays)
        center, scale = (np.array(row, dtype=np.float64) for row in (self.center, self.scale))
        with np.errstate(all="ignore"):
            z = (values - center) / scale
        z[~np.isfinite(z)] = np.nan
        is_missing = np.isnan(values)
        rows = np.flatnonzero(is_missing.any(axis=1) & ~np.isnan(z).all(axis=1))
        filled = np.where(is_missing, center, values)
        if len(rows) and self.donors:
            near = self._imputer.transform(z[rows]) * scale + center
            filled[rows] = np.where(is_missing[rows], near, values[rows])
        return [column(some) for some in filled.T]

    @functools.cached_property
    def _imputer(self) -> Any:
        donors = np.array(self.donors, dtype=np.float64)
        z: Numbers = (donors - np.array(self.center, dtype=np.float64)) / np.array(self.scale, dtype=np.float64)
        # A column that no donor has is filled with 0, its mean.
        return _knn_imputer()(n_neighbors=self.neighbors, keep_empty_features=True).fit(z)


def _scale(state: State) -> float:
    """The standard deviation; 1 for a constant, whose deviation is at most what rounding makes of it."""
    spread, center = deviation(state) or 0.0, mean(state) or 0.0
    return spread if spread > abs(center) * sys.float_info.epsilon else 1.0


def check_installed() -> None:
    """Raise GensparkError where scikit-learn is not installed, without importing it."""
    if importlib.util.find_spec("sklearn") is None:
        raise GensparkError(_NOT_INSTALLED)


_NOT_INSTALLED = "impute: strategy nearest needs scikit-learn, which is not installed: pip install 'genspark[models]'"


def _knn_imputer() -> Any:
    try:
        # Imported late: only this strategy needs it.
        from sklearn.impute import KNNImputer
    except ImportError:
        raise GensparkError(_NOT_INSTALLED) from None
    return KNNImputer
