"""The moments of powers on Polars: a whole grid of powers in one pass over the values."""

from __future__ import annotations

import numpy as np

from genspark.engines.polars.gather.batch import Batch, Collector, counted
from genspark.statistics import State, Statistic
from genspark.statistics.powers import Powers, Side

CHUNK = 8_192
"""Values taken at once: what is computed of them stays in the processor's cache."""


class PowerSums(Collector):
    """Moments of the powers of one column."""

    def __init__(self, statistic: Powers) -> None:
        self._statistic = statistic
        self._counts = np.zeros(4, dtype=np.int64)
        self._lowest = np.inf
        self._sides = [Side.empty(len(powers)) for powers in statistic.powers]

    def add(self, batch: Batch) -> None:
        self._counts += batch.counts(self._statistic.column)
        values = batch.finite(self._statistic.column).to_numpy()
        self._lowest = min(self._lowest, values.min(initial=np.inf))
        for start in range(0, len(values), CHUNK):
            logarithms = self._statistic.split(values[start : start + CHUNK])
            sides = zip(self._sides, logarithms, self._statistic.powers, strict=True)
            self._sides = [side.merged(Side.of_logarithms(y, powers), powers) for side, y, powers in sides]

    def parts(self) -> dict[Statistic, State]:
        counts = counted(self._counts)
        inside = sum(side.count for side in self._sides)
        state = {
            **counts,
            "count": inside,
            "outside": counts["count"] - inside,
            "lowest": float(self._lowest) if counts["count"] else None,
            "sides": [side.to_json() for side in self._sides],
        }
        return {self._statistic: state}
