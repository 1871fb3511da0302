"""How far two distributions are apart, by the shares of the same bins or names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

LEAST = 1e-4
"""The share that an empty bin counts as, where a logarithm is taken of it."""


def population_stability(old: Values, new: Values) -> float:
    """The population stability index of shares of bins. Source: N. Siddiqi, "Credit Risk Scorecards", 2006."""
    p, q = np.maximum(old, LEAST), np.maximum(new, LEAST)
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(one: Values, two: Values) -> float:
    """The Jensen-Shannon distance, base 2, from 0 to 1. Source: J. Lin, 1991; D. Endres, J. Schindelin, 2003."""
    middle = (one + two) / 2.0
    halves = [float((p[p > 0] * np.log2(p[p > 0] / middle[p > 0])).sum()) for p in (one, two)]
    return float(np.sqrt(max(0.0, sum(halves) / 2.0)))


def kolmogorov_smirnov(one: Values, two: Values) -> float:
    """The largest difference of the cumulated shares of ordered bins."""
    return float(np.abs(np.cumsum(one) - np.cumsum(two)).max())
