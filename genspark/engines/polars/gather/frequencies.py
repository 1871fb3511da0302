"""Frequencies on Polars: values counted in each batch, the counts added up."""

from __future__ import annotations

import numpy as np
import polars as pl

from genspark.engines.polars.gather.batch import Batch, Collector, one_zero
from genspark.engines.polars.gather.block import Block, GroupCollector, grown, slices
from genspark.statistics import Frequencies, State, Statistic

TALLIED = 400_000
"""Values that a tally holds in all groups together before it lets any go."""


class Tally(Collector):
    """Counts each value of a column; the rare ones are dropped where there are too many."""

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


class GroupTallies(GroupCollector):
    """Counts each value in each group; the rare ones of a group with too many are dropped."""

    def __init__(self, statistic: Frequencies) -> None:
        self._statistic = statistic
        # Of each group: rows, rows that are not missing, and by how much a count may be off.
        self._totals = np.zeros((3, 0), dtype=np.int64)
        self._frames: list[pl.DataFrame] = []
        self._held, self._bound = 0, TALLIED

    def add(self, block: Block) -> None:
        self._totals = grown(self._totals, block.known)
        some = pl.DataFrame({"group": block.numbers, "value": block.rows[self._statistic.column]})
        is_float = some.schema["value"].is_float()
        if is_float:
            value = pl.col("value").fill_nan(None)
            some = some.with_columns(one_zero(value, some.schema["value"]).alias("value"))
        some = some.with_columns(pl.col("group").cast(pl.Int32)).drop_nulls("value")
        self._totals[0, block.groups] += block.sizes
        self._totals[1] += np.bincount(some["group"].to_numpy(), minlength=block.known)
        # Infinities are present, and are no JSON: they are not counted one by one.
        some = some.filter(pl.col("value").is_finite()) if is_float else some
        self._frames.append(some.group_by("group", "value").agg(pl.len().cast(pl.Int64).alias("n")))
        self._held += self._frames[-1].height
        if self._held > self._bound:
            self._compact()

    def _compact(self) -> None:
        merged = pl.concat(self._frames).group_by("group", "value").agg(pl.col("n").sum())
        most = max(2 * self._statistic.capacity, TALLIED // self._totals.shape[-1])
        if merged.height > most:
            merged = merged.sort("group", "n", "value", descending=[False, True, False])
            merged = merged.with_columns(rank=pl.int_range(pl.len()).over("group"))
            cut = merged.filter(pl.col("rank") == most)
            self._totals[2, cut["group"].to_numpy()] += cut["n"].to_numpy()
            merged = merged.filter(pl.col("rank") < most).drop("rank")
        self._frames, self._held = [merged], merged.height
        self._bound = max(TALLIED, 2 * merged.height)

    def parts(self) -> dict[Statistic, list[State]]:
        if not self._frames:
            return {self._statistic: []}
        self._compact()
        (pairs,) = self._frames
        pairs = pairs.sort("group")
        sizes = np.bincount(pairs["group"].to_numpy(), minlength=self._totals.shape[-1])
        values, counts = pairs["value"].to_list(), pairs["n"].to_list()
        states = []
        for (rows, present, error), (start, end) in zip(self._totals.T.tolist(), slices(sizes), strict=True):
            tally = dict(zip(values[start:end], counts[start:end], strict=True))
            states.append(self._statistic.state(tally, rows - present, present, error))
        return {self._statistic: states}
