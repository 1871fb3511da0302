"""Ranks of values: the line through learnt quantiles, read in either direction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from genspark.columns.dtypes import Schema
from genspark.columns.kernels import Numbers, column, numbers
from genspark.errors import GensparkError
from genspark.statistics import Quantiles, State, Statistic
from genspark.steps.learner import Learner, Parameters

NEAR_THE_ENDS = 1e-7
"""The share that `normal` keeps from 0 and 1, where its ends would be infinite; scikit-learn's."""


@dataclass(frozen=True)
class References(Learner):
    """The quantiles of each column at evenly spaced shares from 0 to 1.

    Parameters: `references` (column -> at most `quantiles` ascending values; none where there is no value).
    """

    columns: tuple[str, ...]
    quantiles: int
    rank_error: float

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(name) for name in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        return {"references": {name: self._references(name, states) for name in self.columns}}

    def _statistic(self, name: str) -> Quantiles:
        return Quantiles((name,), rank_error=self.rank_error, probabilities=_shares(self.quantiles))

    def _references(self, name: str, states: Mapping[Statistic, State]) -> list[float]:
        statistic = self._statistic(name)
        state = states[statistic]
        # Exact quantiles are known where they were asked for; a sketch answers anything.
        most = min(self.quantiles, max(2, state["count"])) if self.rank_error else self.quantiles
        quantiles = statistic.read(state, _shares(most))
        # Rounding in an interpolation must not make them fall.
        return np.maximum.accumulate(quantiles).tolist() if quantiles else []


def _shares(number: int) -> tuple[float, ...]:
    """Evenly spaced shares from 0 to 1, `number` of them."""
    return tuple(np.linspace(0, 1, number).tolist())


@dataclass(frozen=True)
class Curve(ABC):
    """Maps values to shares or back, by the line through the points (reference, share); null stays null."""

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
        """The share at each value, or the value at each share, on the line through (knot, share)."""


class Ranks(Curve):
    """Value -> share, or the point of the normal distribution that has it."""

    def read(self, values: Numbers, knots: Numbers, shares: Numbers) -> Numbers:
        # From both sides: among equal references each side sees another end of their shares.
        rising = np.interp(values, knots, shares)
        falling = -np.interp(-values, -knots[::-1], -shares[::-1])
        ranks = np.where(values == knots[-1], 1.0, (rising + falling) / 2)
        ranks[values == knots[0]] = 0.0
        if self.output == "uniform":
            return ranks
        quantile, _ = normal_distribution()
        ends = quantile([NEAR_THE_ENDS, 1 - NEAR_THE_ENDS])
        normal: Numbers = np.clip(quantile(ranks), *ends)
        return normal


class Values(Curve):
    """Share, or point of the normal distribution -> value."""

    def read(self, values: Numbers, knots: Numbers, shares: Numbers) -> Numbers:
        ranks = values
        if self.output == "normal":
            _, share = normal_distribution()
            ranks = share(values)
            # What was kept from the ends goes back to them, whichever way it was rounded.
            near = NEAR_THE_ENDS * (1 + 1e-6)
            ranks = np.where(ranks < near, 0.0, np.where(ranks > 1 - near, 1.0, ranks))
        return np.interp(ranks, shares, knots)


def normal_distribution() -> tuple[Any, Any]:
    """The quantile function of the standard normal distribution, and its distribution function."""
    try:
        from scipy.special import ndtr, ndtri
    except ImportError:
        raise GensparkError("scale: output 'normal' needs SciPy: pip install 'genspark[models]'") from None
    return ndtri, ndtr
