"""Quantiles of the chi-square distribution, computed without SciPy for whole degrees of freedom."""

from __future__ import annotations

import math


def survival(x: float, degrees: int) -> float:
    """The probability that a chi-square variable of so many degrees of freedom, at least 1, exceeds x >= 0.

    Source: M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 26.4.4 and 26.4.5.
    """
    half = x / 2.0
    if half == 0.0:
        return 1.0
    is_odd = degrees % 2
    powers = (term + is_odd / 2.0 for term in range(degrees // 2))
    # By logarithms: with many degrees of freedom both the powers and the factorials overflow.
    terms = (math.exp(power * math.log(half) - half - math.lgamma(power + 1.0)) for power in powers)
    return math.fsum(terms) + (math.erfc(math.sqrt(half)) if is_odd else 0.0)


def quantile(probability: float, degrees: int) -> float:
    """The x that a chi-square variable exceeds with probability 1 - `probability`; `probability` in (0, 1)."""
    low, high = 0.0, float(degrees)
    while survival(high, degrees) > 1.0 - probability:
        low, high = high, 2.0 * high
    while low < (middle := (low + high) / 2.0) < high:
        low, high = (middle, high) if survival(middle, degrees) > 1.0 - probability else (low, middle)
    return high
