"""Distances from the nearest of the centers that rows cluster around."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import Draw
from genspark.columns.kernels import Numbers
from genspark.errors import GensparkError
from genspark.statistics import Sample, State, Statistic
from genspark.steps.learner import Parameters
from genspark.steps.outliers.distances import Metric, RowRule

STARTS = 10
"""How often scikit-learn starts anew; the best of the clusterings found is taken."""


@dataclass(frozen=True)
class NearestCenter(Metric):
    """The Euclidean distance from the nearest of `centers`, which are standardised."""

    centers: tuple[tuple[float, ...], ...]

    def measured(self, standardised: Numbers) -> tuple[Numbers, Numbers]:
        centers = np.array(self.centers)
        # Center by center, not by a product of matrices: a row at its center is at a distance of exactly 0.
        distances = np.array([np.linalg.norm(standardised - center, axis=1) for center in centers])
        nearest = distances.argmin(axis=0)
        return centers[nearest], distances.min(axis=0)


@dataclass(frozen=True)
class KMeans(RowRule):
    """Centers of a sample's complete rows, each column standardised by them.

    The threshold is a quantile of the distances in the sample. Where it has fewer distinct rows than clusters
    are asked for, each is a center; where it has none, nothing is learnt.
    """

    clusters: int
    quantile: float
    sample_size: int
    seed: int

    def draws(self) -> Sequence[Draw]:
        return [Draw(self.seed, "sample")]

    def statistics(self) -> Sequence[Statistic]:
        return [self._sample]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        rows = np.array(states[self._sample]["rows"], dtype=np.float64).reshape(-1, len(self.columns))
        rows = rows[~np.isnan(rows).any(axis=1)]
        if not len(rows):
            return {}
        # By the extremes, since rounding gives a constant a deviation of its own.
        spread = np.where(np.ptp(rows, axis=0) > 0, rows.std(axis=0), 1.0)
        learnt = {"center": rows.mean(axis=0).tolist(), "scale": spread.tolist()}
        standardised = NearestCenter(tuple(learnt["center"]), tuple(learnt["scale"]), ()).standardised(rows)
        parameters = {**learnt, "centers": self._centers(standardised).tolist()}
        _, distances = self.metric(parameters).measured(standardised)
        return {**parameters, "threshold": float(np.quantile(distances, self.quantile))}

    def metric(self, parameters: Parameters) -> Metric:
        centers = tuple(tuple(center) for center in parameters["centers"])
        return NearestCenter(tuple(parameters["center"]), tuple(parameters["scale"]), centers)

    @property
    def _sample(self) -> Sample:
        return Sample.by_draw(self.columns, self.draws()[0], self.sample_size)

    def _centers(self, rows: Numbers) -> Numbers:
        distinct = np.unique(rows, axis=0)
        if len(distinct) <= self.clusters:
            return distinct
        fitted = _sklearn_kmeans(self.label)(n_clusters=self.clusters, n_init=STARTS, random_state=self.seed).fit(rows)
        return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def _sklearn_kmeans(label: str) -> Any:
    try:
        # Imported late: applying a fitted model needs no scikit-learn.
        from sklearn.cluster import KMeans as SklearnKMeans
    except ImportError:
        raise GensparkError(
            f"{label}: method kmeans is fitted by scikit-learn, which is not installed: pip install 'genspark[models]'"
        ) from None
    return SklearnKMeans
