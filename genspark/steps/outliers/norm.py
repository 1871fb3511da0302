"""Rules about vectors, each judged by its norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from genspark.columns.dtypes import Schema
from genspark.columns.kernels import Kernel, column
from genspark.columns.vectors import element_type, pack, unpack
from genspark.statistics import Elements, State, Statistic
from genspark.statistics.moments import deviation
from genspark.steps.learner import Parameters
from genspark.steps.outliers.distances import FARTHEST
from genspark.steps.outliers.rule import Judgement, Rule, hidden

ROUNDING = 1e-12
"""Norms whose deviation is below this share of their mean are equal but for rounding, such as those of unit vectors."""


@dataclass(frozen=True)
class Norm(Rule):
    """Mean +- threshold x population standard deviation of the Euclidean norms of a column's vectors.

    A vector that is null, or has a missing element, is not judged; one with an infinite element has an infinite norm.
    Where all norms are equal, or there is none, nothing is an outlier.
    """

    threshold: float

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(name) for name in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        bounds = {}
        for name in self.columns:
            norms = states[self._statistic(name)]["norm"]
            spread = deviation(norms) or 0.0
            if spread > ROUNDING * norms["mean"]:
                reach = self.threshold * spread
                bounds[name] = [norms["mean"] - reach, norms["mean"] + reach]
        return {"bounds": bounds, "elements": {name: str(element_type(schema[name])).lower() for name in self.columns}}

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        kernels = []
        for position, name in enumerate(self.columns):
            bounds = parameters["bounds"].get(name)
            if not bounds and not self.clips:
                continue
            lower, upper = bounds or (-np.inf, np.inf)
            element = pa.type_for_alias(parameters["elements"][name]) if self.clips else None
            outputs = {_norm(position): pa.float64()}
            if element is not None:
                outputs[_moved(position)] = pa.list_(element)
            kernels.append(Kernel((name,), outputs, Length(name, lower, upper, element)))
        return kernels

    def judgements(self, parameters: Parameters) -> Sequence[Judgement]:
        bounds = parameters["bounds"]
        return [
            Judgement(name, (name,), flag, nw.col(_norm(position)), *bounds[name])
            for position, (name, flag) in enumerate(zip(self.columns, self.flags(), strict=True))
            if name in bounds
        ]

    def flags(self) -> Sequence[str]:
        return [f"{name}_is_outlier" for name in self.columns]

    def clipped(self, parameters: Parameters) -> Sequence[nw.Expr]:
        return [nw.col(_moved(position)).alias(name) for position, name in enumerate(self.columns)]

    def clipped_type(self, dtype: Any) -> Any:
        return nw.List(element_type(dtype))

    def _statistic(self, name: str) -> Elements:
        return Elements((name,), over="all")


@dataclass(frozen=True)
class Length:
    """A column of vectors -> their norms, and with an `element` type also the vectors, scaled to the bound they cross.

    A vector of zeros has no direction and is not scaled. An infinite element is far larger than any other.
    """

    name: str
    lower: float
    upper: float
    element: pa.DataType | None

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """One column of float64, and with `element` one of lists."""
        (array,) = arrays
        vectors = unpack(array, self.name)
        with np.errstate(over="ignore"):
            norms = np.sqrt(np.square(vectors.values).sum(axis=1))
        norms[~vectors.present] = np.nan
        if self.element is None:
            return [column(norms)]
        bound = np.where(norms < self.lower, self.lower, self.upper)
        far = np.flatnonzero(((norms < self.lower) & (norms > 0)) | (norms > self.upper))
        values = vectors.values.copy()
        finite = values[far].clip(-FARTHEST, FARTHEST)
        values[far] = finite * (bound[far] / np.linalg.norm(finite, axis=1))[:, None]
        return [column(norms), pack(values, vectors.present, self.element)]


def _norm(position: int) -> str:
    return hidden(f"norm_{position}")


def _moved(position: int) -> str:
    return hidden(f"moved_{position}")
