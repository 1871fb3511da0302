"""Moments and extremes of vectors on Polars: a matrix for each batch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import polars as pl

from genspark.columns.kernels import Numbers
from genspark.columns.vectors import unpack
from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.errors import DataError
from genspark.statistics import Elements, State, Statistic
from genspark.statistics.moments import overflows


class OfElements(Collector):
    """Collects one `Elements` statistic, which is of one column of vectors."""

    def __init__(self, statistic: Elements) -> None:
        self._statistic = statistic
        self._state = statistic.empty()

    def add(self, batch: Batch) -> None:
        array = batch.rows[self._statistic.column].to_arrow(compat_level=pl.CompatLevel.oldest())
        unpacked = unpack(array, self._statistic.column, self._state["size"])
        vectors = int(unpacked.present.sum())
        state = {**self._statistic.empty(), "vectors": vectors, "null_vectors": len(unpacked.present) - vectors}
        if vectors:
            values = unpacked.values[unpacked.present]
            elements = values if self._statistic.over == "each" else values.reshape(-1, 1)
            state |= {"size": unpacked.size, **_lists(elements), "norm": _norm(values)}
        self._state = self._statistic.merge_ungrouped(self._state, state)

    def parts(self) -> dict[Statistic, State]:
        sums = [*self._state["mean"], *self._state["m2"]]
        if not np.isfinite(sums).all():
            raise DataError(overflows(self._statistic.column))
        return {self._statistic: self._state}


def _lists(values: Numbers) -> dict[str, list[Any]]:
    """Counts, moments and extremes of each column of a matrix in which NaN stands for a missing value."""
    is_finite = np.isfinite(values)
    count = is_finite.sum(axis=0)
    finite = np.where(is_finite, values, np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", "Mean of empty slice|All-NaN|Degrees of freedom", RuntimeWarning)
        # From a pivot among the values, so that a large offset costs no digits.
        pivot = np.nan_to_num(np.nanmin(finite, axis=0))
        shifted = finite - pivot
        mean = np.nan_to_num(np.nansum(shifted, axis=0) / np.maximum(count, 1), posinf=np.inf, neginf=-np.inf)
        m2 = np.nansum(np.square(shifted - mean), axis=0)
        ends = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
    return {
        "count": count.tolist(),
        "missing": np.isnan(values).sum(axis=0).tolist(),
        "positive_infinities": np.isposinf(values).sum(axis=0).tolist(),
        "negative_infinities": np.isneginf(values).sum(axis=0).tolist(),
        "mean": np.where(count > 0, pivot + mean, 0.0).tolist(),
        "m2": m2.tolist(),
        **dict(zip(("min", "max"), ([None if v != v else v for v in end.tolist()] for end in ends), strict=True)),
    }


def _norm(values: Numbers) -> State:
    """The moments of the vectors' norms; a vector with an element that is missing or infinite has none."""
    with np.errstate(over="ignore"):
        norms = np.sqrt(np.square(values).sum(axis=1))
    is_finite = np.isfinite(norms)
    kept = norms[is_finite]
    return {
        "count": int(is_finite.sum()),
        "missing": int((~is_finite).sum()),
        "positive_infinities": 0,
        "negative_infinities": 0,
        "mean": float(kept.mean()) if len(kept) else 0.0,
        "m2": float(np.square(kept - kept.mean()).sum()) if len(kept) else 0.0,
    }
