"""`Gathered`: the parts that one pass collects. Parts of disjoint rows merge; states are made of the merged parts."""

from __future__ import annotations

from dataclasses import dataclass

from genspark.statistics import State, Statistic


@dataclass(frozen=True)
class Gathered:
    """The part of each statistic over some rows, and the columns known to hold no NaN in them.

    Parts are states, but for exact quantiles, whose states do not merge: see `Statistic.finish`.
    """

    parts: dict[Statistic, State]
    nan_free: frozenset[str] = frozenset()

    def merged(self, other: Gathered) -> Gathered:
        """The parts over these rows followed by others, disjoint from them. Raises DataError for too many groups."""
        parts = {statistic: statistic.merge(part, other.parts[statistic]) for statistic, part in self.parts.items()}
        return Gathered(parts, self.nan_free & other.nan_free)

    def states(self) -> dict[Statistic, State]:
        """The states over these rows."""
        return {statistic: statistic.finish(part) for statistic, part in self.parts.items()}
