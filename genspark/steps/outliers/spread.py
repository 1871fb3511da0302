"""The median, and the median absolute deviation from it, of what a quantile sketch has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from genspark.columns.kernels import Numbers
from genspark.statistics.quantiles import decode


def median_and_deviation(state: Mapping[str, Any]) -> tuple[float, float] | None:
    """The median m, and the median of |x - m|, of a state of `Quantiles` that holds a sketch.

    None when there is no finite value. Exact while the sketch holds every value. Beyond that each item
    stands for many values: the deviation d is the smallest with F(m + d) - F(m - d) >= 1/2, where F is the
    sketch's distribution, so the rank of d is off by at most twice the rank error, and by what m is off.
    """
    if state["count"] == 0:
        return None
    items = np.array([(value, weight) for value, weight in decode(state["sketch"])], dtype=np.float64)
    values, weights = items[:, 0], items[:, 1]
    middle = _weighted_median(values, weights)
    deviation = _weighted_median(np.abs(values - middle), weights)
    # In the sketch's own units until here: a large offset of the column costs no digits.
    return (middle - state["center"]) / state["scale"] + state["offset"], deviation / state["scale"]


def _weighted_median(values: Numbers, weights: Numbers) -> float:
    if (weights == 1).all():
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])
