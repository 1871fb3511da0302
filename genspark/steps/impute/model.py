"""Regressions of each column on the others, learnt round by round from rows that they complete themselves."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import Draw
from genspark.columns.kernels import Kernel, column, matrix
from genspark.statistics import Covariance, Expectation, State, Statistic
from genspark.statistics.covariance import Matrix, covariance
from genspark.statistics.expectation import Model, Normal
from genspark.steps.impute.filling import RowFilling, hidden
from genspark.steps.learner import Parameters

SMALLEST_EIGENVALUE = 0.01
"""The floor of the eigenvalues of the first round's correlations: each is over other rows, so that together they may be
impossible for any data."""


@dataclass(frozen=True)
class Regression(RowFilling):
    """The expectation of each missing value given the row's other columns, by ridge regressions on them.

    They are those of one normal distribution, so that any set of missing columns has its regressions on the
    rest: expectation-maximization, whose first round is the covariance of the pairs that are there.
    """

    iterations: int
    ridge: float
    holdout: float
    seed: int

    def statistics(self) -> Sequence[Statistic]:
        return [Covariance(self._with_draw, holdout=self._share)]

    def draws(self) -> Sequence[Draw]:
        return [Draw(self.seed, "impute_model")] if self.holdout else []

    def fit(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        (statistic,) = self.statistics()
        state = states[statistic]
        mean, covariances = covariance(state)
        deviation = np.sqrt(covariances.diagonal())
        scale = np.where(deviation > 0, deviation, 1.0)
        is_known = np.diag(state["count"]) > 0
        center = [value if known else None for value, known in zip(mean.tolist(), is_known, strict=True)]
        learnt = {"round": 1, "center": center, "scale": scale.tolist(), "mean": [0.0] * len(center)}
        eigenvalues, vectors = np.linalg.eigh(covariances / scale / scale[:, None])
        regular = (vectors * np.maximum(eigenvalues, SMALLEST_EIGENVALUE)) @ vectors.T
        return {**learnt, "precision": self._precision(regular)}

    @property
    def rounds(self) -> int:
        # The last scan teaches nothing: it holds what was learnt against the values that were hidden.
        return self.iterations - 1 + bool(self.holdout)

    def refinement(self, parameters: Parameters) -> Sequence[Statistic]:
        return [Expectation(self._with_draw, model=_model(parameters), holdout=self._share)]

    def refined(self, parameters: Parameters, states: Mapping[Statistic, State]) -> Parameters:
        (state,) = states.values()
        if parameters["round"] == self.iterations:
            return {**parameters, **self._errors(state, parameters["scale"])}
        if not state["rows"]:
            return {**parameters, "round": parameters["round"] + 1}
        covariances = np.array(state["comoment"], dtype=np.float64) / state["rows"]
        learnt = {"mean": state["mean"], "precision": self._precision(covariances)}
        return {**parameters, "round": parameters["round"] + 1, **learnt}

    def learnt(self, parameters: Parameters) -> Sequence[str]:
        return [c for c, center in zip(self.columns, parameters["center"], strict=True) if center is not None]

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        outputs = {hidden(name): pa.float64() for name in self.columns}
        return [Kernel(self.columns, outputs, Predicted(_model(parameters)))]

    @property
    def _share(self) -> float:
        """The share of each column's cells to hide, at most one cell in a row."""
        return min(self.holdout, 1 / len(self.columns))

    @property
    def _with_draw(self) -> tuple[str, ...]:
        return (*self.columns, *(draw.column for draw in self.draws()))

    def _precision(self, covariances: Matrix) -> list[list[float]]:
        inverse: list[list[float]] = np.linalg.inv(covariances + self.ridge * np.eye(len(covariances))).tolist()
        return inverse

    def _errors(self, state: State, scale: Sequence[float]) -> dict[str, dict[str, Any]]:
        cells = dict(zip(self.columns, state["cells"], strict=True))
        errors: dict[str, dict[str, Any]] = {}
        for name, sums in (("rmse", state["error"]), ("rmse_of_mean", state["error_of_mean"])):
            means = (total / count if count else np.nan for total, count in zip(sums, cells.values(), strict=True))
            roots = (float(np.sqrt(value) * s) for value, s in zip(means, scale, strict=True))
            errors[name] = {c: root if cells[c] else None for c, root in zip(self.columns, roots, strict=True)}
        return {**errors, "cells": cells}


@dataclass(frozen=True)
class Predicted:
    """Columns of numbers -> the same columns with missing values predicted.

    A row of nothing but missing values gets the means. Infinite values say nothing of the others, and stay.
    """

    model: Model

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """The completed columns, one for each input."""
        return [column(values) for values in self._normal.filled(matrix(arrays)).T]

    @functools.cached_property
    def _normal(self) -> Normal:
        return Normal.of(self.model)


def _model(parameters: Parameters) -> Model:
    center, scale, mean = (tuple(parameters[name]) for name in ("center", "scale", "mean"))
    return center, scale, mean, tuple(tuple(row) for row in parameters["precision"])
