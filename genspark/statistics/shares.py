"""Shares of a whole, and how sure they are."""

from __future__ import annotations

import math

Z = 1.959963984540054
"""The two-sided 95 % quantile of the standard normal distribution."""


def wilson(share: float, n: int, z: float = Z) -> tuple[float, float]:
    """The interval of a share of n, by default that of 95 %. Source: E. B. Wilson, 1927, equation 9."""
    spread = z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    # Of none and of all the bounds are exact, but for rounding.
    return (middle - half if share > 0.0 else 0.0, middle + half if share < 1.0 else 1.0)
