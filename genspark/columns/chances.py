"""Numbers that follow from uniform draws by a formula which steps and readers share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Lengths = npt.NDArray[np.float64] | npt.NDArray[np.int64]


def starts(u: Floats, length: Lengths, size: int, padding: int = 0) -> Floats:
    """Where a stretch of `size` begins in a length padded at both ends: uniform over its places, from the length's 0.

    It is centred, so begins before 0, where there is no choice. NaN where the length is.
    """
    places = length + (2 * padding - size + 1)
    found: Floats = np.where(places >= 1, np.floor(u * places) - padding, np.floor((length - size) / 2))
    return found


def symmetric_beta(alpha: float, u: Floats, v: Floats) -> Floats:
    """A number in [0, 1] of the distribution Beta(alpha, alpha), from two uniform ones in [0, 1).

    Half of 1 + T / sqrt(2 alpha + T^2), where T has Student's distribution with 2 alpha degrees of freedom. Source:
    L. Devroye, "Random variate generation in one line of code"; T by R. W. Bailey's polar method.
    """
    with np.errstate(over="ignore", divide="ignore"):
        # T^2 / (2 alpha) = ((1 - u)^(-1/alpha) - 1) cos^2; it is infinite where alpha is small, and the number an end.
        away = np.expm1(-np.log1p(-u) / alpha) * np.cos(2 * np.pi * v) ** 2
        reach = np.sqrt(1 / (1 + 1 / away))
    found: Floats = (1 + np.copysign(reach, np.cos(2 * np.pi * v))) / 2
    return found
