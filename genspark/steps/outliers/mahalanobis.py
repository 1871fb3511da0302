"""Mahalanobis distances: from the mean, in units of the spread in each direction."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genspark.columns.dtypes import Schema
from genspark.columns.kernels import Numbers
from genspark.errors import DataError
from genspark.statistics import Covariance, State, Statistic
from genspark.statistics.covariance import covariance
from genspark.steps.learner import Parameters
from genspark.steps.outliers.chi_square import quantile
from genspark.steps.outliers.distances import Metric, RowRule

KEPT_SHARE = 0.999
"""The share of normally distributed rows that the default threshold keeps."""
OWN_SHARE = 1e-10
"""The share of its variance that a column must have apart from the others; rounding alone leaves about 1e-15."""


@dataclass(frozen=True)
class MahalanobisMetric(Metric):
    """The length of `whitening` z: with R = L L' the correlations and `whitening` the inverse of L, sqrt(z' R^-1 z)."""

    whitening: tuple[tuple[float, ...], ...]

    @functools.cached_property
    def _transposed(self) -> Numbers:
        return np.array(self.whitening).T

    def measured(self, standardised: Numbers) -> tuple[Numbers, Numbers]:
        return np.zeros_like(standardised), np.linalg.norm(standardised @ self._transposed, axis=1)


@dataclass(frozen=True)
class Mahalanobis(RowRule):
    """Mean and covariance of the finite values, pairwise complete, divisor n; `ridge` x variance on the diagonal.

    Where no column has a finite value nothing is learnt. Source: P. Mahalanobis, "On the Generalised Distance in
    Statistics", 1936; the threshold: its square has a chi-square distribution where rows are normally distributed.
    """

    threshold: float | None
    ridge: float

    def statistics(self) -> Sequence[Statistic]:
        return [Covariance(self.columns)]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        state = states[Covariance(self.columns)]
        if not np.any(state["count"]):
            return {}
        mean, covariances = covariance(state)
        scale = np.sqrt(covariances.diagonal())
        still = [name for name, spread in zip(self.columns, scale, strict=True) if not spread > 0]
        if still:
            raise DataError(f"{self.label}: columns: there is no variance in {_listed(still)}; leave constants out")
        correlations = covariances / scale / scale[:, None] + self.ridge * np.eye(len(scale))
        whitening = np.linalg.inv(self._factor(correlations))
        learnt = {"center": mean.tolist(), "scale": scale.tolist(), "whitening": whitening.tolist()}
        threshold = math.sqrt(quantile(KEPT_SHARE, len(scale))) if self.threshold is None else self.threshold
        return {**learnt, "threshold": threshold}

    def metric(self, parameters: Parameters) -> Metric:
        whitening = tuple(tuple(row) for row in parameters["whitening"])
        return MahalanobisMetric(tuple(parameters["center"]), tuple(parameters["scale"]), whitening)

    def _factor(self, correlations: Numbers) -> Numbers:
        """The Cholesky factor. Raises DataError that names each column that those before it determine."""
        rest, factor, determined = correlations.copy(), np.zeros_like(correlations), []
        for position, name in enumerate(self.columns):
            own = rest[position, position]
            if own < OWN_SHARE:
                determined.append(name)
                continue
            factor[position:, position] = rest[position:, position] / math.sqrt(own)
            rest -= np.outer(factor[:, position], factor[:, position])
        if determined:
            raise DataError(
                f"{self.label}: columns: the covariance is singular, as {_listed(determined)} can be had as a linear "
                "combination of the others; leave it out, or give a ridge above 0, such as 0.001"
            )
        return factor


def _listed(names: Sequence[str]) -> str:
    return " and ".join(repr(name) for name in names)
