"""Sums that give the likelihood of a power transformation, for a whole grid of powers in one scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from genspark.statistics.base import State, Statistic, merge_counts
from genspark.statistics.moments import COUNTS

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Powers(Statistic):
    """The sums that give the likelihood of each lambda in the transformations of Box-Cox or of Yeo and Johnson.

    The grid has `points` lambdas from `start` to `stop`. State: `count` (finite values in the domain),
    `missing`, `positive_infinities`, `negative_infinities` and `outside` (finite values <= 0, box-cox
    alone), all rows; `lowest`, the smallest finite value, None where there is none; and `sides`, the
    numbers of `Side`. box-cox has one side, y = log(x) of x > 0. yeo-johnson has two: y = log(1 + x) of
    x >= 0, and y = log(1 - x) of x < 0, whose powers are 2 - lambda.

    Source: G. Box, D. Cox, "An Analysis of Transformations", 1964; I. Yeo, R. Johnson, "A new family
    of power transformations to improve normality or symmetry", 2000.
    """

    method: Literal["box-cox", "yeo-johnson"] = "yeo-johnson"
    start: float = -2.0
    stop: float = 4.0
    points: int = 61

    kind: ClassVar[str] = "powers"

    @property
    def lambdas(self) -> Numbers:
        """The grid."""
        return np.linspace(self.start, self.stop, self.points)

    @property
    def powers(self) -> tuple[Numbers, ...]:
        """The powers of each side along the grid."""
        return (self.lambdas,) if self.method == "box-cox" else (self.lambdas, 2.0 - self.lambdas)

    def empty(self) -> State:
        sides = [Side.empty(len(powers)).to_json() for powers in self.powers]
        return {"count": 0, **dict.fromkeys(COUNTS, 0), "outside": 0, "lowest": None, "sides": sides}

    def merge_ungrouped(self, a: State, b: State) -> State:
        lowest = [state["lowest"] for state in (a, b) if state["lowest"] is not None]
        sides = [
            Side.from_json(mine).merged(Side.from_json(theirs), powers).to_json()
            for mine, theirs, powers in zip(a["sides"], b["sides"], self.powers, strict=True)
        ]
        counts = merge_counts(a, b, "count", *COUNTS, "outside")
        return {**counts, "lowest": min(lowest, default=None), "sides": sides}

    def filled(self, state: State, value: float) -> State:
        if not state["missing"]:
            return state
        return self.merge_ungrouped({**state, "missing": 0}, self.of_values(np.array([float(value)]), state["missing"]))

    def of_values(self, values: Numbers, times: int = 1) -> State:
        """The state of finite values, each of which occurs `times` times."""
        parts = self.split(values)
        sides = [
            Side.of_logarithms(logarithms, powers, times) for logarithms, powers in zip(parts, self.powers, strict=True)
        ]
        inside = sum(side.count for side in sides)
        return {
            **self.empty(),
            "count": inside,
            "outside": len(values) * times - inside,
            "lowest": float(values.min()) if len(values) else None,
            "sides": [side.to_json() for side in sides],
        }

    def split(self, values: Numbers) -> tuple[Numbers, ...]:
        """The logarithms y of each side's values."""
        if self.method == "box-cox":
            return (np.log(values[values > 0]),)
        return np.log1p(values[values >= 0]), np.log1p(-values[values < 0])


@dataclass(frozen=True)
class Side:
    """Moments of psi(p, y) = (exp(p * y) - 1) / p along a grid of powers p; psi(0, y) = y.

    `mean` and `m2` are of psi(p, y - pivot), which is all one needs: psi(p, d + e) = exp(p * e) *
    psi(p, d) + psi(p, e) is linear in psi(p, d). The pivot is `high`, the largest y, for p >= 0, and
    `low`, the smallest, for p < 0: then no power exceeds 1, however large the values are.
    """

    count: int
    low: float
    high: float
    mean_log: float
    m2_log: float
    mean: Numbers
    m2: Numbers

    @classmethod
    def empty(cls, points: int) -> Self:
        """The side of no values."""
        return cls(0, 0.0, 0.0, 0.0, 0.0, np.zeros(points), np.zeros(points))

    @classmethod
    def of_logarithms(cls, y: Numbers, powers: Numbers, times: int = 1) -> Self:
        """The side of these y, each of which occurs `times` times. `powers` are evenly spaced."""
        if not len(y):
            return cls.empty(len(powers))
        low, high, center = float(y.min()), float(y.max()), float(y.mean())
        mean, m2 = np.empty(len(powers)), np.empty(len(powers))
        rising = powers >= 0
        for chosen, pivot in ((rising, high), (~rising, low)):
            if chosen.any():
                mean[chosen], m2[chosen] = _moments(y - pivot, powers[chosen])
        spread = y - center
        return cls(len(y) * times, low, high, center, float(np.square(spread).sum()) * times, mean, m2 * times)

    def merged(self, other: Side, powers: Numbers) -> Side:
        """The side of the values of both, merged by Chan's rule about a common pivot. Source: see `Moments`."""
        if not (self.count and other.count):
            return self if self.count else other
        low, high, n = min(self.low, other.low), max(self.high, other.high), self.count + other.count
        mine, theirs = self._moved(low, high, powers), other._moved(low, high, powers)
        share = other.count / n
        delta, delta_log = theirs.mean - mine.mean, other.mean_log - self.mean_log
        return Side(
            n,
            low,
            high,
            self.mean_log + delta_log * share,
            self.m2_log + other.m2_log + delta_log * delta_log * self.count * share,
            mine.mean + delta * share,
            mine.m2 + theirs.m2 + delta * delta * self.count * share,
        )

    def _moved(self, low: float, high: float, powers: Numbers) -> Side:
        """The moments of the same values, but about the pivots `low` and `high`, which lie further out."""
        shift = np.where(powers >= 0, self.high - high, self.low - low)
        factor = np.exp(powers * shift)
        mean, m2 = factor * self.mean + psi(powers, shift), factor * factor * self.m2
        return replace(self, low=low, high=high, mean=mean, m2=m2)

    def to_json(self) -> State:
        """The fields as plain JSON, which `from_json` reads."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """The side that `to_json` wrote."""
        return cls(**{**state, "mean": np.array(state["mean"]), "m2": np.array(state["m2"])})


def _moments(y: Numbers, powers: Numbers) -> tuple[Numbers, Numbers]:
    """Mean and M2 of psi(p, y) for evenly spaced powers of one sign, of y of the other sign.

    One expm1 a value, and then g' = g + a + g * a with a = exp(step * y) - 1, which cancels no digits:
    g and a are negative, and neither is below -1.
    """
    order = np.argsort(np.abs(powers))
    mean, m2 = np.empty(len(powers)), np.empty(len(powers))
    step = powers[order[1]] - powers[order[0]] if len(order) > 1 else 0.0
    first = powers[order[0]]
    g, a = np.expm1(first * y), np.expm1(step * y)
    factor, off = 1.0 + a, np.empty_like(y)
    for position in order:
        p = powers[position]
        values, unit = (g, p) if p else (y, 1.0)
        average = values.mean()
        np.subtract(values, average, out=off)
        mean[position], m2[position] = average / unit, np.square(off, out=off).sum() / unit / unit
        g *= factor
        g += a
    return mean, m2


def psi(powers: Numbers, y: Numbers, unit: Numbers | float = 0.0) -> Numbers:
    """The power (exp(p * y) - 1) / p, and y where p is 0, in units of exp(unit), where p * y may be large."""
    z = powers * y
    small = np.expm1(np.minimum(z, 1.0)) * np.exp(-unit)
    large = np.exp(z - unit) - np.exp(-unit)
    with np.errstate(all="ignore"):
        return np.where(powers == 0, y * np.exp(-unit), np.where(z > 1, large, small) / powers)
