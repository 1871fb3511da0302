"""What must be known of every row: hashes of combinations of values, and places of values in an order."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.columns.hashing import Hashes
from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.engines.polars.hashes import row_hash
from genspark.statistics import Ordered, Repeats, State, Statistic
from genspark.statistics.packed import refuse_many

HELD = 4_000_000
"""Hashes that are held before those that are there twice are let go."""


class DistinctHashes(Collector):
    """Keeps a hash of each distinct combination of values."""

    def __init__(self, statistic: Repeats) -> None:
        self._statistic = statistic
        self._hashes: list[Hashes] = []
        self._count = self._missing = self._held = 0
        self._bound = HELD

    def add(self, batch: Batch) -> None:
        rows = _complete(batch.rows, self._statistic.columns)
        self._count, self._missing = self._count + rows.height, self._missing + batch.rows.height - rows.height
        self._hashes.append(_hashes(rows, self._statistic.columns))
        self._held += rows.height
        if self._held > self._bound:
            self._compact()
            refuse_many(self._held, f"unique of {list(self._statistic.columns)}")

    def _compact(self) -> None:
        self._hashes = [np.unique(np.concatenate(self._hashes))] if self._hashes else []
        self._held = sum(map(len, self._hashes))
        self._bound = max(HELD, 2 * self._held)

    def parts(self) -> dict[Statistic, State]:
        self._compact()
        hashes = self._hashes[0] if self._hashes else np.zeros(0, np.uint64)
        return {self._statistic: {"count": self._count, "missing": self._missing, "hashes": hashes}}


class Places(Collector):
    """Keeps series, place and value of each row."""

    def __init__(self, statistic: Ordered) -> None:
        self._statistic = statistic
        self._triples: list[npt.NDArray[np.int64]] = []
        self._count = self._missing = 0

    def add(self, batch: Batch) -> None:
        value, place, *series = self._statistic.columns
        # A series may be that of null.
        rows = _complete(batch.rows, (value, place), series)
        self._count, self._missing = self._count + rows.height, self._missing + batch.rows.height - rows.height
        refuse_many(self._count, f"the order of {value!r}")
        of_series = _hashes(rows, series).view(np.int64) if series else np.zeros(rows.height, np.int64)
        self._triples.append(np.column_stack([of_series, _ordinals(rows[place]), _ordinals(rows[value])]))

    def parts(self) -> dict[Statistic, State]:
        triples = np.concatenate(self._triples) if self._triples else np.zeros((0, 3), np.int64)
        return {self._statistic: {"count": self._count, "missing": self._missing, "triples": triples}}


def _complete(rows: pl.DataFrame, columns: Sequence[str], others: Sequence[str] = ()) -> pl.DataFrame:
    """The columns, and others, of the rows in which none of the columns is null or NaN."""
    some = rows.select(list(dict.fromkeys([*columns, *others])))
    floats = [name for name in columns if some.schema[name].is_float()]
    return (some.with_columns(pl.col(floats).fill_nan(None)) if floats else some).drop_nulls(columns)


def _hashes(rows: pl.DataFrame, columns: Sequence[str]) -> Hashes:
    """The hash of each row's values, in which a column's place counts."""
    return rows.select(row_hash(columns, nw.from_native(rows).schema)).to_series().to_numpy()


def _ordinals(series: pl.Series) -> npt.NDArray[np.int64]:
    """Integers that compare as the values do."""
    if series.dtype.is_float():
        bits = (series.cast(pl.Float64).to_numpy() + 0.0).view(np.int64)
        # The bits of negative numbers rise as these fall.
        return np.where(bits < 0, bits ^ np.int64(0x7FFF_FFFF_FFFF_FFFF), bits)
    if isinstance(series.dtype, pl.Datetime):
        series = series.dt.timestamp("us")
    return series.cast(pl.Int64).to_numpy()
