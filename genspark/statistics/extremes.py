"""The smallest and the largest finite value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from genspark.statistics.base import State, Statistic, merge_counts
from genspark.statistics.moments import COUNTS


@dataclass(frozen=True)
class Extremes(Statistic):
    """Minimum and maximum of the finite values of one numeric column.

    State: `count`, `missing`, `positive_infinities`, `negative_infinities` (rows), `min` and `max`
    (None when count is 0).
    """

    kind: ClassVar[str] = "extremes"

    def empty(self) -> State:
        return {"count": 0, **dict.fromkeys(COUNTS, 0), "min": None, "max": None}

    def merge_ungrouped(self, a: State, b: State) -> State:
        low = [s["min"] for s in (a, b) if s["count"]]
        high = [s["max"] for s in (a, b) if s["count"]]
        counts = merge_counts(a, b, "count", *COUNTS)
        return {**counts, "min": min(low, default=None), "max": max(high, default=None)}

    def filled(self, state: State, value: float) -> State:
        if not state["missing"]:
            return state
        mass = {**self.empty(), "count": state["missing"], "min": float(value), "max": float(value)}
        return self.merge_ungrouped({**state, "missing": 0}, mass)

    def affine(self, state: State, center: float, scale: float, offset: float) -> State:
        if state["count"] == 0:
            return state
        mapped = {name: (state[name] - center) / scale + offset for name in ("min", "max")}
        return {**state, **mapped}
