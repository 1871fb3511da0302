"""Extremes on Polars, for all groups at once. Those over all rows are gathered with the moments, in moments.py."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from genspark.engines.polars.gather.block import OfValues, Values, grown
from genspark.statistics import Extremes, State


class GroupExtremes(OfValues):
    """The smallest and the largest value of each group."""

    def __init__(self, statistic: Extremes) -> None:
        super().__init__(statistic)
        self._low = self._high = np.zeros(0)

    def _take(self, some: Values) -> None:
        known, at = self._counts.shape[-1], some.groups
        self._low, self._high = grown(self._low, known, np.inf), grown(self._high, known, -np.inf)
        self._low[at] = np.minimum(self._low[at], np.minimum.reduceat(some.values, some.starts))
        self._high[at] = np.maximum(self._high[at], np.maximum.reduceat(some.values, some.starts))

    def _fields(self) -> Iterable[State]:
        for low, high in zip(self._low.tolist(), self._high.tolist(), strict=True):
            yield {"min": low, "max": high} if low <= high else {"min": None, "max": None}
