"""Moments: count, mean and M2, which give mean, variance and standard deviation and merge exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from genspark.errors import DataError
from genspark.statistics.base import State, Statistic, merge_counts, seen

COUNTS = ("missing", "positive_infinities", "negative_infinities")


@dataclass(frozen=True)
class Moments(Statistic):
    """Count, mean and sum of squared deviations (M2) of the finite values of one numeric column.

    State: `count`, `missing`, `positive_infinities`, `negative_infinities` (rows), `mean` (0 when
    count is 0) and `m2`. M2 and not the sum of squares: an offset of 1e8 costs no digits.

    Raises DataError where mean or M2 would leave the range of a double, as from deviations of 1e154
    on: no state holds an infinity. M2 of deviations below 1e-162 is 0.

    Source of the merge: T. Chan, G. Golub, R. LeVeque, "Updating Formulae and a Pairwise Algorithm
    for Computing Sample Variances", 1979, equation 2.1.
    """

    kind: ClassVar[str] = "moments"

    def empty(self) -> State:
        return {"count": 0, **dict.fromkeys(COUNTS, 0), "mean": 0.0, "m2": 0.0}

    def merge_ungrouped(self, a: State, b: State) -> State:
        counts = merge_counts(a, b, "count", *COUNTS)
        n = counts["count"]
        if n == 0 or a["count"] == 0 or b["count"] == 0:
            full = b if a["count"] == 0 else a
            return {**counts, "mean": full["mean"], "m2": full["m2"]}
        delta = b["mean"] - a["mean"]
        share = b["count"] / n
        return self._finite(
            {
                **counts,
                "mean": a["mean"] + delta * share,
                "m2": a["m2"] + b["m2"] + delta * delta * a["count"] * share,
            }
        )

    def filled(self, state: State, value: float) -> State:
        if not state["missing"]:
            return state
        mass = {**self.empty(), "count": state["missing"], "mean": float(value)}
        return self.merge_ungrouped({**state, "missing": 0}, mass)

    def affine(self, state: State, center: float, scale: float, offset: float) -> State:
        if state["count"] == 0:
            return state
        # Divided twice: the square of a scale may be 0, or no double.
        mapped = {"mean": (state["mean"] - center) / scale + offset, "m2": state["m2"] / scale / scale}
        return self._finite({**state, **mapped})

    def _finite(self, state: State) -> State:
        if not (math.isfinite(state["mean"]) and math.isfinite(state["m2"])):
            raise DataError(overflows(self.column))
        return state


def overflows(column: str) -> str:
    """The message that the moments of a column are too large for a double."""
    return f"the moments of {seen(column)!r} overflow: its values are too large; scale it before"


def mean(state: State) -> float | None:
    """The mean of the finite values; None when there are none."""
    return state["mean"] if state["count"] else None


def deviation(state: State) -> float | None:
    """The population standard deviation (divisor n, as in scikit-learn); None when count is 0."""
    return math.sqrt(state["m2"] / state["count"]) if state["count"] else None
