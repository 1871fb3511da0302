"""Shares of a whole, and how sure they are."""

from __future__ import annotations

import math

Z = 1.959963984540054
"""The two-sided 95 % quantile of the standard normal distribution."""


def wilson(count: int, of: int) -> tuple[float, float]:
    """The interval of 95 % of a share, count / of. Source: E. B. Wilson, 1927, equation 9."""
    share, spread = count / of, Z * Z / of
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
