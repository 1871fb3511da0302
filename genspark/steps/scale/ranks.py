"""Values by their ranks: the line through some quantiles, read one way or the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from genspark.columns.kernels import Numbers, column, numbers
from genspark.errors import GensparkError

NEAR_THE_ENDS = 1e-7
"""The share that `normal` keeps from 0 and 1, where its ends would be infinite; scikit-learn's."""


@dataclass(frozen=True)
class Curve(ABC):
    """The line through (reference, share), one of the two ways; null stays null."""

    references: tuple[float, ...]
    output: Literal["uniform", "normal"]

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        values = numbers(arrays[0])
        if not self.references:
            return [pa.nulls(len(values), pa.float64())]
        knots = np.array(self.references)
        return [column(self.read(values, knots, np.linspace(0, 1, len(knots))))]

    @abstractmethod
    def read(self, values: Numbers, knots: Numbers, shares: Numbers) -> Numbers:
        """The other coordinate of points of the line."""


class Ranks(Curve):
    """Value -> share, or the point of the normal distribution that has it."""

    def read(self, values: Numbers, knots: Numbers, shares: Numbers) -> Numbers:
        # From both sides: among equal references each side sees another end of their shares.
        rising = np.interp(values, knots, shares)
        falling = -np.interp(-values, -knots[::-1], -shares[::-1])
        found = np.where(values == knots[-1], 1.0, (rising + falling) / 2)
        found[values == knots[0]] = 0.0
        if self.output == "uniform":
            return found
        quantile, _ = normal_distribution()
        ends = quantile([NEAR_THE_ENDS, 1 - NEAR_THE_ENDS])
        normal: Numbers = np.clip(quantile(found), *ends)
        return normal


class Values(Curve):
    """Share, or point of the normal distribution -> value."""

    def read(self, values: Numbers, knots: Numbers, shares: Numbers) -> Numbers:
        found = values
        if self.output == "normal":
            _, share = normal_distribution()
            found = share(values)
            # What was kept from the ends goes back to them, whichever way it was rounded.
            near = NEAR_THE_ENDS * (1 + 1e-6)
            found = np.where(found < near, 0.0, np.where(found > 1 - near, 1.0, found))
        return np.interp(found, shares, knots)


def normal_distribution() -> tuple[Any, Any]:
    """The quantile function of the standard normal distribution, and its distribution function."""
    try:
        from scipy.special import ndtr, ndtri
    except ImportError:
        raise GensparkError("scale: output 'normal' needs SciPy: pip install 'genspark[models]'") from None
    return ndtri, ndtr
