"""Rules about rows as a whole, by their distance from where most rows are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pyarrow as pa

from genspark.columns.expressions import number
from genspark.columns.kernels import Kernel, Numbers, column, matrix
from genspark.steps.learner import Parameters
from genspark.steps.outliers.rule import Judgement, Rule, hidden

DISTANCE = hidden("distance")
FARTHEST = 1e100
"""The largest standardised value: farther ones are cut, so that an infinity has a direction and no square overflows."""


@dataclass(frozen=True)
class Metric(ABC):
    """Distances in standardised columns: (x - center) / scale."""

    center: tuple[float, ...]
    scale: tuple[float, ...]

    def standardised(self, values: Numbers) -> Numbers:
        """Rows x columns in the metric's units, none farther than `FARTHEST`; NaN stays."""
        with np.errstate(over="ignore"):
            standardised: Numbers = (values - np.array(self.center)) / np.array(self.scale)
        return standardised.clip(-FARTHEST, FARTHEST)

    def restored(self, standardised: Numbers) -> Numbers:
        """The inverse of `standardised`."""
        values: Numbers = standardised * np.array(self.scale) + np.array(self.center)
        return values

    @abstractmethod
    def measured(self, standardised: Numbers) -> tuple[Numbers, Numbers]:
        """The place that each row is measured from, rows x columns, and its distance from there; NaN stays."""


@dataclass(frozen=True)
class Distance:
    """The columns of some rows -> each row's distance, and with `clips` also the columns with far rows moved.

    A row with a missing value has no distance and is not moved; one with an infinity has an infinite distance. A
    row farther than `threshold` is moved straight towards the place it is measured from, up to the threshold.
    """

    metric: Metric
    threshold: float
    clips: bool

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """One column of float64, and with `clips` as many more as were given."""
        values = matrix(arrays)
        standardised = self.metric.standardised(values)
        place, distance = self.metric.measured(standardised)
        is_infinite = np.isinf(values).any(axis=1) & ~np.isnan(distance)
        distances = column(np.where(is_infinite, np.inf, distance))
        if not self.clips:
            return [distances]
        far = np.flatnonzero(distance > self.threshold)
        share = (self.threshold / distance[far])[:, None]
        values[far] = self.metric.restored(place[far] + (standardised[far] - place[far]) * share)
        return [distances, *(column(values[:, position]) for position in range(values.shape[1]))]


@dataclass(frozen=True)
class RowRule(Rule):
    """Judges all columns together: one distance for each row, none for a row with a missing value.

    The parameters have the `threshold` and what `metric` needs; they are empty where nothing was learnt.
    """

    label: str
    flag: str

    @abstractmethod
    def metric(self, parameters: Parameters) -> Metric:
        """The metric that measures distances."""

    def judgements(self, parameters: Parameters) -> Sequence[Judgement]:
        if not parameters:
            return []
        return [Judgement(None, self.columns, self.flag, nw.col(DISTANCE), None, parameters["threshold"])]

    def flags(self) -> Sequence[str]:
        return [self.flag]

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        if not parameters:
            return []
        names = [DISTANCE, *(self._moved() if self.clips else ())]
        function = Distance(self.metric(parameters), parameters["threshold"], self.clips)
        return [Kernel(self.columns, dict.fromkeys(names, pa.float64()), function)]

    def clipped(self, parameters: Parameters) -> Sequence[nw.Expr]:
        sources = [nw.col(name) for name in self._moved()] if parameters else [number(c) for c in self.columns]
        return [source.alias(name) for source, name in zip(sources, self.columns, strict=True)]

    def _moved(self) -> list[str]:
        return [hidden(f"moved_{position}") for position in range(len(self.columns))]
