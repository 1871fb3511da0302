"""Quantiles and frequencies on Polars, and what gathers which statistic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from genspark.engines.polars.gather.batch import Batch, Collector, counted, one_zero
from genspark.engines.polars.gather.elements import OfElements
from genspark.engines.polars.gather.matrix import CoMoments, Completions, Smallest
from genspark.engines.polars.gather.numbers import Numbers
from genspark.engines.polars.gather.powers import PowerSums
from genspark.errors import DataError
from genspark.statistics import (
    Covariance,
    Elements,
    Expectation,
    Extremes,
    Frequencies,
    Moments,
    Powers,
    Quantiles,
    Sample,
    State,
    Statistic,
)
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
    """Every value of a column, for its exact quantiles."""

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


class Tally(Collector):
    """How often each value of a column occurs; what is rare is let go where there are too many."""

    def __init__(self, statistic: Frequencies) -> None:
        self._statistic = statistic
        self._most = max(4 * statistic.capacity, 200_000)
        self._frames: list[pl.DataFrame] = []
        self._held = self._missing = self._total = self._error = 0

    def add(self, batch: Batch) -> None:
        values = batch.rows[self._statistic.column]
        if values.dtype.is_float():
            present = values.fill_nan(None).drop_nulls().to_frame()
            values = present.select(one_zero(pl.col(values.name), values.dtype).alias(values.name)).to_series()
            # Infinities are present, and are no JSON: they are not counted one by one.
            kept = values.filter(values.is_finite())
        else:
            kept = values = values.drop_nulls()
        self._total += len(values)
        self._missing += batch.rows.height - len(values)
        self._frames.append(kept.alias("value").value_counts(name="n").with_columns(pl.col("n").cast(pl.Int64)))
        self._held += self._frames[-1].height
        if self._held > 2 * self._most:
            self._compact()

    def _compact(self) -> None:
        merged = pl.concat(self._frames).group_by("value").agg(pl.col("n").sum())
        if merged.height > self._most:
            merged = merged.sort(["n", "value"], descending=[True, False])
            self._error += merged["n"][self._most]
            merged = merged.head(self._most)
        self._frames, self._held = [merged], merged.height

    def parts(self) -> dict[Statistic, State]:
        if self._frames:
            self._compact()
        pairs = dict(self._frames[0].iter_rows()) if self._frames else {}
        return {self._statistic: self._statistic.state(pairs, self._missing, self._total, self._error)}


_EACH: dict[type[Statistic], Callable[[Any], Collector]] = {
    Quantiles: lambda statistic: Sketch(statistic) if statistic.rank_error else Exact(statistic),
    Frequencies: Tally,
    Covariance: CoMoments,
    Expectation: Completions,
    Powers: PowerSums,
    Sample: Smallest,
    Elements: OfElements,
}


def collectors(statistics: Sequence[Statistic]) -> list[Collector]:
    """What gathers these statistics, whatever they are grouped by."""
    numbers = [s for s in statistics if isinstance(s, Moments | Extremes)]
    found: list[Collector] = [Numbers(numbers)] if numbers else []
    return found + [_EACH[type(statistic)](statistic) for statistic in statistics if type(statistic) in _EACH]
