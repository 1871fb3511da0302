"""Combinations on Polars: counted in each batch, the counts added up."""

from __future__ import annotations

import itertools
from typing import Any

import polars as pl
import pyarrow as pa

from genspark.columns.coarser import AS_IS, coarser, plain
from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.statistics import State, Statistic
from genspark.statistics.combinations import MOST, Combinations


class Counts(Collector):
    """Counts each combination of values."""

    def __init__(self, statistic: Combinations) -> None:
        self._statistic = statistic
        self._names = [f"value{i}" for i in range(len(statistic.columns))]
        self._frames: list[pl.DataFrame] = []
        self._held = 0

    def add(self, batch: Batch) -> None:
        if not batch.rows.height:
            return
        # Whole values first, of which there are fewer than rows.
        some = batch.rows.select(pl.col(c).alias(n) for n, c in zip(self._names, self._statistic.columns, strict=True))
        few = self._added(some.with_columns(pl.lit(1, pl.Int64).alias("n")))
        cuts = itertools.chain(self._statistic.cuts, itertools.repeat(AS_IS))
        made = {name: _coarser(few[name], cut) for name, cut in zip(self._names, cuts, strict=False)}
        self._frames.append(self._added(pl.DataFrame({**made, "n": few["n"]})))
        self._held += self._frames[-1].height
        if self._held > 2 * MOST:
            self._compact()

    def parts(self) -> dict[Statistic, State]:
        self._compact()
        rows = self._frames[0].iter_rows() if self._frames else iter(())
        counts: dict[tuple[Any, ...], int] = {values: count for *key, count in rows if (values := tuple(key))}
        return {self._statistic: self._statistic.state(counts)}

    def _compact(self) -> None:
        if self._frames:
            merged = self._added(pl.concat(self._frames))
            self._statistic.check(merged.height)
            self._frames, self._held = [merged], merged.height

    def _added(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.group_by(self._names).agg(pl.col("n").sum())


def _coarser(values: pl.Series, cut: Any) -> pl.Series:
    arrow: Any = values.to_arrow()
    made = coarser(plain(arrow.combine_chunks() if isinstance(arrow, pa.ChunkedArray) else arrow), cut)
    return pl.Series(values.name, pl.from_arrow(made))
