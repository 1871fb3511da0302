"""`Frequencies`: counts of each value, for modes and vocabularies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from genspark.statistics.base import State, Statistic

DEFAULT_CAPACITY = 10_000


@dataclass(frozen=True)
class Frequencies(Statistic):
    """Counts of the distinct values of one column of strings, numbers or booleans.

    State: `values`, a list of [value, count] by falling count, then by value; `missing` (rows);
    `error`, by how much any count may be off (0 while at most `capacity` distinct values were
    seen: then every count is exact), and `total`, the rows that are not missing, infinities among them.

    Memory is bounded by `capacity`. Source of the merge: P. Agarwal et al., "Mergeable Summaries",
    PODS 2012: counts add up, and what lies beyond the capacity is cut off and added to the error.
    """

    capacity: int = DEFAULT_CAPACITY

    kind: ClassVar[str] = "frequencies"

    def empty(self) -> State:
        return {"total": 0, "missing": 0, "values": [], "error": 0}

    def merge_ungrouped(self, a: State, b: State) -> State:
        counts: dict[Any, int] = dict(a["values"])
        for value, count in b["values"]:
            counts[value] = counts.get(value, 0) + count
        return self.state(counts, a["missing"] + b["missing"], a["total"] + b["total"], a["error"] + b["error"])

    def filled(self, state: State, value: Any) -> State:
        counts: dict[Any, int] = dict(state["values"])
        if state["missing"]:
            counts[value] = counts.get(value, 0) + state["missing"]
        return self.state(counts, 0, state["total"] + state["missing"], state["error"])

    def state(self, counts: dict[Any, int], missing: int, total: int, error: int) -> State:
        """The state of these counts, cut to the capacity."""
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        cut = ranked[self.capacity][1] if len(ranked) > self.capacity else 0
        values = [[value, count] for value, count in ranked[: self.capacity]]
        return {"total": total, "missing": missing, "values": values, "error": error + cut}


def mode(state: State) -> Any:
    """The most frequent value, the smallest of those that tie; None when every value is missing."""
    return state["values"][0][0] if state["values"] else None
