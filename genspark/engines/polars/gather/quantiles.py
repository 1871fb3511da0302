"""Quantiles on Polars: a KLL sketch of a column, or every value of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from genspark.engines.polars.gather.batch import Batch, Collector, Numbers64, counted
from genspark.engines.polars.gather.block import OfValues, Values, slices
from genspark.errors import DataError
from genspark.statistics import Quantiles, State, Statistic
from genspark.statistics.quantiles import encode, holds_too_many, identity, new_sketch

EXACT_LIMIT = 100_000_000
"""Values that an exact quantile may hold in memory, 8 bytes each."""


class Sketch(Collector):
    """One KLL sketch."""

    def __init__(self, statistic: Quantiles) -> None:
        self._statistic = statistic
        self._counts = np.zeros(4, dtype=np.int64)
        self._sketch = new_sketch(statistic.k)

    def add(self, batch: Batch) -> None:
        self._counts += batch.counts(self._statistic.column)
        values = batch.finite(self._statistic.column)
        if len(values):
            self._sketch.update(values.to_numpy(writable=True))

    def parts(self) -> dict[Statistic, State]:
        counts = counted(self._counts)
        text = encode(self._sketch) if counts["count"] else None
        return {self._statistic: {**counts, "sketch": text, **identity()}}


class Exact(Collector):
    """Keeps every value of a column, for its exact quantiles."""

    def __init__(self, statistic: Quantiles) -> None:
        self._statistic = statistic
        self._counts = np.zeros(4, dtype=np.int64)
        self._values: list[Any] = []

    def add(self, batch: Batch) -> None:
        self._counts += batch.counts(self._statistic.column)
        if self._counts[0] > EXACT_LIMIT:
            raise DataError(holds_too_many(self._statistic.column, EXACT_LIMIT))
        self._values.append(batch.finite(self._statistic.column).to_numpy())

    def parts(self) -> dict[Statistic, State]:
        values = np.concatenate(self._values) if self._values else np.zeros(0)
        return {self._statistic: {**counted(self._counts), "data": values}}


class GroupSketches(OfValues):
    """Keeps a KLL sketch for each group; a small group's sketch holds its values."""

    def __init__(self, statistic: Quantiles) -> None:
        super().__init__(statistic)
        self._k = statistic.k
        self._sketches: dict[int, Any] = {}

    def _take(self, some: Values) -> None:
        for group, values in some.slices:
            if group not in self._sketches:
                self._sketches[group] = new_sketch(self._k)
            self._sketches[group].update(values)

    def _fields(self) -> Iterable[State]:
        for group in range(self._counts.shape[-1]):
            sketch = self._sketches.get(group)
            yield {"sketch": encode(sketch) if sketch else None, **identity()}


class GroupExact(OfValues):
    """Keeps every value, for exact quantiles. The limit is for all groups together."""

    def __init__(self, statistic: Quantiles) -> None:
        super().__init__(statistic)
        self._values: list[Numbers64] = []
        self._groups: list[Numbers64] = []
        self._held = 0

    def _take(self, some: Values) -> None:
        self._held += len(some.values)
        if self._held > EXACT_LIMIT:
            raise DataError(holds_too_many(self._column, EXACT_LIMIT))
        self._values.append(some.values)
        self._groups.append(some.repeated(some.groups.astype(np.int32)))

    def _fields(self) -> Iterable[State]:
        groups = np.concatenate([np.zeros(0, np.int32), *self._groups])
        values = np.concatenate([np.zeros(0), *self._values])[np.argsort(groups, kind="stable")]
        return ({"data": values[start:end]} for start, end in slices(self._counts[0]))
