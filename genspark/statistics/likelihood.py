"""The likelihood of a power transformation: which lambda makes a column most nearly normal.

Source: G. Box, D. Cox, "An Analysis of Transformations", 1964; I. Yeo, R. Johnson, "A new family of
power transformations to improve normality or symmetry", 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genspark.statistics.base import State
from genspark.statistics.powers import Numbers, Powers, Side, psi

WINDOWS = (4, 3, 2)
"""Grid points on either side of the best through which the likelihood is interpolated; the first is taken."""

TOLERANCE = 2e-4
"""How far interpolations of different degree may differ in lambda before a finer grid is asked for."""

COARSE = 1.0
"""The step of a grid, in units of one over the range of the logarithms, at which a finer one is asked for."""

FLAT = 1e-9
"""Where log-likelihoods per value differ by less than this, no lambda is better than another."""

REACH = 8.0
"""How far a second grid goes beyond the first, in units of one over the deviation of the logarithms."""

DIGITS = 1e-11
"""The smallest ratio of a transformed column's deviation to its values: less is lost to rounding."""

LARGEST_EXPONENT = 300.0
"""The largest power is exp of this: its square is a double still."""


@dataclass(frozen=True)
class Best:
    """The lambda of the greatest likelihood, and the statistic that would refine it; None if it is precise enough."""

    power: float
    refinement: Powers | None


def best_lambda(statistic: Powers, state: State) -> Best:
    """The lambda that makes the transformed values most nearly normal, to 1e-3 where no refinement is left.

    A lambda at which values would overflow, or at which too few of their digits would be left to tell them
    apart, is out of the question. Where the likelihood prefers none (no value, a constant column, values
    that differ by less than 1e-5 of themselves), lambda is 1.
    """
    likelihood = log_likelihood(statistic, state)
    lambdas, possible = statistic.lambdas, np.flatnonzero(np.isfinite(likelihood))
    if not len(possible) or np.ptp(likelihood[possible]) < FLAT:
        return Best(1.0, None)
    top = int(possible[np.argmax(likelihood[possible])])
    if top in (0, len(lambdas) - 1):
        return Best(float(lambdas[top]), _beyond(statistic, state, likelihood))
    peaks = [_peak(lambdas, likelihood, top, reach) for reach in WINDOWS]
    step = lambdas[1] - lambdas[0]
    is_inside = bool(np.isfinite(likelihood[top - 1 : top + 2]).all())
    if is_inside and np.ptp(peaks) < TOLERANCE and step * _range(state) < COARSE:
        return Best(peaks[0], None)
    start, stop = lambdas[top] - 2 * step, lambdas[top] + 2 * step
    return Best(peaks[0], replace(statistic, start=float(start), stop=float(stop)))


def log_likelihood(statistic: Powers, state: State) -> Numbers:
    """The log-likelihood of each lambda of the grid, for one value; -infinity for a lambda that is impossible."""
    sides = [Side.from_json(side) for side in state["sides"]]
    powers, mean, m2 = np.array(statistic.powers), np.array([s.mean for s in sides]), np.array([s.m2 for s in sides])
    low, high, mean_log, share, sign = _by_side(sides)
    with np.errstate(all="ignore"):
        pivot = np.where(powers >= 0, high, low)
        # The largest power there is: all else is in units of it.
        unit = (powers * pivot).max(axis=0)
        factor = np.exp(powers * pivot - unit)
        mean = sign * (factor * mean + psi(powers, pivot, unit))
        between = (share * (mean - (share * mean).sum(axis=0)) ** 2).sum(axis=0)
        deviation = np.sqrt((factor * factor * m2).sum(axis=0) / state["count"] + between)
        largest = np.abs([psi(powers, low, unit), psi(powers, high, unit)]).max(axis=(0, 1))
        likelihood = (statistic.lambdas - 1) * (sign * share * mean_log).sum() - np.log(deviation) - unit
    is_possible = (deviation > DIGITS * largest) & (unit <= LARGEST_EXPONENT) & np.isfinite(likelihood)
    return np.where(is_possible, likelihood, -np.inf)


def _by_side(sides: Sequence[Side]) -> tuple[Numbers, ...]:
    """Smallest and largest y, mean y, share of the values and sign of each side: a column of numbers each."""
    low, high, mean_log, count = (
        np.array([[getattr(side, name)] for side in sides], dtype=np.float64)
        for name in ("low", "high", "mean_log", "count")
    )
    return low, high, mean_log, count / max(1.0, count.sum()), np.array([[1.0], [-1.0]])[: len(sides)]


def _range(state: State) -> float:
    """The range of the signed y. Where both tails are heavy, the likelihood bends as sharply as one over it."""
    ends = [
        sign * end
        for side, sign in zip(state["sides"], (1.0, -1.0), strict=False)
        for end in (side["low"], side["high"])
        if side["count"]
    ]
    return float(np.ptp(ends))


def _deviation(state: State) -> float:
    """The standard deviation of the signed y. Else the likelihood changes on the scale of one over it."""
    sides = [Side.from_json(side) for side in state["sides"]]
    _, _, mean_log, share, sign = _by_side(sides)
    between = (share * (sign * mean_log - (sign * share * mean_log).sum()) ** 2).sum()
    return float(np.sqrt(sum(side.m2_log for side in sides) / state["count"] + between))


def _beyond(statistic: Powers, state: State, likelihood: Numbers) -> Powers | None:
    """A grid beyond the end at which the likelihood still rises; None where no lambda further out is possible."""
    outward = slice(None) if likelihood.argmax() else slice(None, None, -1)
    lambdas, likelihood = statistic.lambdas[outward], likelihood[outward]
    end, span = lambdas[-1], lambdas[-1] - lambdas[0]
    reach = REACH / _deviation(state)
    last = likelihood[-3:]
    bend, slope, _ = np.polyfit(lambdas[-3:] - end, last, 2) if np.isfinite(last).all() else (0.0, 0.0, 0.0)
    if bend < 0:
        # Near the parabola's peak, if that is nearer: of values close to each other the grid would be too coarse.
        reach = min(reach, 2 * max(abs(span), abs(slope / bend)))
    low, high, *_ = _by_side([Side.from_json(side) for side in state["sides"]])
    limit = LARGEST_EXPONENT / np.abs([low, high]).max()
    far = float(np.clip(end + np.sign(span) * reach, -limit, limit))
    if abs(far) <= abs(end):
        return None
    # The peak may lie just before the end, too.
    start, stop = sorted((far, float(lambdas[-2])))
    return replace(statistic, start=start, stop=stop)


def _peak(lambdas: Numbers, likelihood: Numbers, top: int, reach: int) -> float:
    """The maximum of the polynomial through the points around the best of the grid."""
    around = slice(max(0, top - reach), top + reach + 1)
    x, y = lambdas[around], likelihood[around]
    is_possible = np.isfinite(y)
    if is_possible.sum() < 3:
        return float(lambdas[top])
    x, y = x[is_possible], y[is_possible]
    fit: Any = np.polynomial.Polynomial.fit
    curve = fit(x, y - y.max(), len(x) - 1)
    roots = curve.deriv().roots()
    is_near = np.abs(roots.real - lambdas[top]) <= lambdas[1] - lambdas[0]
    near = roots.real[(np.abs(roots.imag) < 1e-9) & is_near & (roots.real >= x[0]) & (roots.real <= x[-1])]
    return float(near[np.argmax(curve(near))]) if len(near) else float(lambdas[top])
