"""A sample of rows: those of the smallest hashes, with all their copies, so that it is the same under any partitioning.

A row is hashed by its `_row_id` and the columns looked at, or, where it has none, by all its columns but bytes, lists
and structures. By the columns looked at alone, a column of few values would be sampled value by value.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genspark.columns.names import FILE_COLUMN, ID_COLUMN, RECORD_COLUMN
from genspark.config import Source
from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.mixing import of_rows
from genspark.sources import find_dataset, scan
from genspark.storage.files import storage_path

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

LINEAGE = (ID_COLUMN, FILE_COLUMN, RECORD_COLUMN)
_HASH, _TIMES = "__genspark_hash", "__genspark_times"


@dataclass(frozen=True)
class RowSample:
    """At most `most` distinct rows of `n`, in the order of their hashes, and how often each stands there."""

    most: int
    n: int
    rows: pl.DataFrame | None

    def merged(self, other: RowSample) -> RowSample:
        """The sample of the rows of both."""
        import polars as pl

        if self.rows is None or other.rows is None:
            return self if other.rows is None else other
        rows = pl.concat([self.rows, other.rows], how="vertical_relaxed")
        return RowSample(self.most, self.n + other.n, _smallest(rows, self.most))

    @property
    def values(self) -> pl.DataFrame:
        """The distinct rows."""
        assert self.rows is not None
        return self.rows.drop(_HASH, _TIMES)

    @property
    def times(self) -> Any:
        """How often each of the distinct rows stands there."""
        assert self.rows is not None
        return self.rows[_TIMES].to_numpy()

    def expanded(self) -> pl.DataFrame:
        """The rows with their copies; where these are more than `most`, so many of them, drawn."""
        places = np.repeat(np.arange(len(self.times)), self.times)
        if len(places) > self.most:
            places = np.sort(np.random.default_rng(0).choice(places, self.most, replace=False))
        return self.values[places]


def both(real: Any, generated: Any, columns: Sequence[str], most: int) -> tuple[RowSample, RowSample]:
    """Samples of these columns of two frames. Raises DataError where a column is missing, or a frame empty."""
    return of_frame(real, columns, most, "real"), of_frame(generated, columns, most, "generated")


def of_frame(frame: Any, columns: Sequence[str], most: int, name: str) -> RowSample:
    """A sample of these columns of a frame, which errors call by its name."""
    parts.check_columns(frame, columns, name)
    there = parts.columns_of(frame)
    hashed = [ID_COLUMN, *columns] if ID_COLUMN in there else there
    work = functools.partial(_sample, columns=list(columns), most=most)
    sample = parts.merged(frame, list(dict.fromkeys([*columns, *hashed])), work, name)
    if sample.rows is None:
        raise DataError(f"{name} has no rows; nothing can be scored")
    return sample


def common_columns(real: Any, generated: Any, columns: Sequence[str] | None) -> list[str]:
    """The columns asked for, or those that both frames have, without bytes, lists and what tells of a row's origin."""
    if columns is not None:
        return list(columns)
    others = set(parts.columns_of(generated))
    common = [
        name
        for name, dtype in _types(real).items()
        if name in others and name not in LINEAGE and not dtype.is_nested() and type(dtype).__name__ != "Binary"
    ]
    if not common:
        raise DataError("real and generated have no column of plain values in common; nothing can be scored")
    return common


def _types(frame: Any) -> dict[str, Any]:
    """The columns of a frame with their types, as narwhals names them."""
    import narwhals as nw

    if isinstance(frame, str | Path):
        frame = scan(find_dataset(Source(path=storage_path(str(frame)), format="delta")))
    return dict(nw.from_native(frame).collect_schema())


def _sample(found: Iterator[pa.Table], columns: list[str], most: int) -> RowSample:
    import polars as pl

    state, held, waiting = RowSample(most, 0, None), [], 0
    for table in found:
        rows = pl.DataFrame(pl.from_arrow(table))
        if not rows.height:
            continue
        rows = rows.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
        some = rows.select(hashes(rows).alias(_HASH), pl.lit(1, pl.Int64).alias(_TIMES), *columns)
        if state.rows is not None and state.rows.height == most:
            some = some.filter(pl.col(_HASH) <= state.rows[_HASH][-1])
        held.append(RowSample(most, rows.height, some))
        waiting += some.height
        if waiting >= most:
            state, held, waiting = _together([state, *held]), [], 0
    return _together([state, *held])


def _together(samples: Sequence[RowSample]) -> RowSample:
    import polars as pl

    most, n = samples[0].most, sum(sample.n for sample in samples)
    some = [sample.rows for sample in samples if sample.rows is not None]
    return RowSample(most, n, _smallest(pl.concat(some, how="vertical_relaxed"), most) if some else None)


def _smallest(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    import polars as pl

    others = pl.exclude(_HASH, _TIMES).first()
    return rows.group_by(_HASH).agg(pl.col(_TIMES).sum(), others).sort(_HASH).head(most)


def hashes(rows: pl.DataFrame, seed: int = 0) -> pl.Series:
    """A hash of each row by its columns of numbers, texts, dates and booleans; by its bytes where it has none."""
    import polars as pl

    flat = [name for name, dtype in rows.schema.items() if not dtype.is_nested()]
    plain = [name for name in flat if rows.schema[name] != pl.Binary]
    if not flat:
        raise DataError("the rows have lists and structures alone, by which no sample is drawn; add a column of ids")
    return pl.Series(of_rows(rows.select(plain or flat), seed))
