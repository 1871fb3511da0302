"""Noise on states, for differential privacy: as much as OpenDP proves that an epsilon takes.

Neighbours are sets of rows of which one has one row more. Each state is of values within limits that do not come from
the data, so that it is known how much one row can change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genspark.errors import ConfigError
from genspark.statistics.base import State, Statistic
from genspark.statistics.extremes import Extremes
from genspark.statistics.frequencies import Frequencies
from genspark.statistics.moments import COUNTS, Moments

NEIGHBOURS = "tables that differ by one row (added or removed)"


@dataclass(frozen=True)
class Between:
    """The limits of numbers: those beyond are clamped."""

    low: float
    high: float


@dataclass(frozen=True)
class Among:
    """The values that a column may have: others count as missing."""

    values: tuple[Any, ...]


Limit = Between | Among


def opendp() -> Any:
    """OpenDP's functions. Raises ConfigError where it is not installed."""
    try:
        import opendp.prelude as dp
    except ImportError:
        raise ConfigError("differential privacy needs OpenDP; pip install 'genspark[privacy]'") from None
    dp.enable_features("contrib")
    return dp


def limit_of(statistic: Statistic) -> type[Limit] | None:
    """The kind of limit that a statistic's column needs; None where its state cannot be had with noise."""
    if statistic.by:
        return None
    return {Moments: Between, Extremes: Between, Frequencies: Among}.get(type(statistic))


def takes_epsilon(statistic: Statistic) -> bool:
    """Whether the state tells of the data: extremes are the limits themselves."""
    return not isinstance(statistic, Extremes)


def noisy(statistic: Statistic, state: State, limit: Limit, epsilon: float) -> State:
    """The state with noise, of a column that was held to its limit; it has no infinities."""
    if isinstance(statistic, Moments) and isinstance(limit, Between):
        return _moments(state, limit, epsilon)
    if isinstance(statistic, Frequencies) and isinstance(limit, Among):
        return _frequencies(statistic, state, limit, epsilon)
    assert isinstance(statistic, Extremes)
    assert isinstance(limit, Between)
    # One missing value: what fills it is known, and may lie outside.
    return {**statistic.empty(), "count": 1, "missing": 1, "min": limit.low, "max": limit.high}


def _moments(state: State, limit: Between, epsilon: float) -> State:
    """A third of epsilon each for the counts, the sum and the sum of squares, both around the middle of the limits."""
    middle, reach = (limit.low + limit.high) / 2, (limit.high - limit.low) / 2
    count, missing = _counts([state["count"], state["missing"]], epsilon / 3)
    away = state["mean"] - middle
    total = _number(state["count"] * away, reach, epsilon / 3)
    squares = _number(state["m2"] + state["count"] * away * away, reach * reach, epsilon / 3)
    made = {"count": count, **dict.fromkeys(COUNTS, 0), "missing": missing, "mean": 0.0, "m2": 0.0}
    if not count:
        return made
    # What is made of noisy numbers takes no more; no variance within limits is above the square of their reach.
    away = min(max(total / count, -reach), reach)
    m2 = min(max(squares - count * away * away, 0.0), count * reach * reach)
    return {**made, "mean": middle + away, "m2": m2}


def _frequencies(statistic: Frequencies, state: State, limit: Among, epsilon: float) -> State:
    """A row is of one value or missing: all counts together take epsilon once."""
    found = dict(state["values"])
    *counts, missing = _counts([*(found.get(value, 0) for value in limit.values), state["missing"]], epsilon)
    return statistic.state(dict(zip(limit.values, counts, strict=True)), missing, sum(counts), 0)


def _counts(counts: Sequence[int], epsilon: float) -> list[int]:
    """Counts of which a row changes one by 1, with Laplace's noise; none is below 0."""
    dp = opendp()
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    measured = laplace(dp, space, 1, epsilon)(list(counts))
    return [max(int(count), 0) for count in measured]


def _number(value: float, sensitivity: float, epsilon: float) -> float:
    """A number that a row changes by its sensitivity at most, with Laplace's noise."""
    dp = opendp()
    space = dp.atom_domain(T=float, nan=False), dp.absolute_distance(T=float)
    return float(laplace(dp, space, sensitivity, epsilon)(float(value)))


def laplace(dp: Any, made: Any, sensitivity: float, epsilon: float) -> Any:
    """The measurement with the least of Laplace's noise of which OpenDP proves this epsilon."""
    return dp.binary_search_chain(lambda scale: made >> dp.m.then_laplace(scale), d_in=sensitivity, d_out=epsilon)
