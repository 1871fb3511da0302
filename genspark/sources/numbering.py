"""The numbers of rows, from 0: that of the record in its file, `RECORD`, where corrupt ones count, and in its scan."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
import polars as pl

from genspark.engines.fate import RECORD
from genspark.engines.polars.meter import NUMBER


def numbered(frames: Iterable[pl.DataFrame], needed: frozenset[str]) -> Iterator[pl.DataFrame]:
    """The frames of one shard, which hold all its records in order, with `RECORD` where it is needed."""
    if RECORD not in needed:
        yield from frames
        return
    start = 0
    for frame in frames:
        numbers = pl.int_range(start, start + frame.height, dtype=pl.Int64)
        yield frame.with_columns(numbers.alias(RECORD))
        start += frame.height


def index_of(columns: Container[str]) -> str | None:
    """The column in which Polars is to number the rows of a scan of these columns; None where none needs it."""
    return next((name for name in (RECORD, NUMBER) if name in columns), None)


def in_scan(columns: Container[str], before: int) -> pl.Expr:
    """`NUMBER`, from the column of `index_of`, of a scan that comes after one of so many rows."""
    return (pl.col(RECORD if RECORD in columns else NUMBER).cast(pl.Int64) + before).alias(NUMBER)


def in_files(rows: Sequence[int], firsts: Sequence[int]) -> pl.Expr:
    """`RECORD` of a scan of several files in their order, whose own numbers of rows have that name already.

    `rows` are those of each file but the last, `firsts` the number that each file begins with.
    """
    starts = np.fromiter(itertools.accumulate(rows, initial=0), np.int64)
    shifts = np.array(firsts, np.int64) - starts

    def numbers(index: pl.Series) -> pl.Series:
        each = index.to_numpy().astype(np.int64)
        # Of files that start at the same row, all but the last are empty.
        return pl.Series(RECORD, each + shifts[np.searchsorted(starts, each, side="right") - 1], dtype=pl.Int64)

    if len(shifts) == 1:
        return pl.col(RECORD).cast(pl.Int64) + int(shifts[0])
    return pl.col(RECORD).map_batches(numbers, return_dtype=pl.Int64, is_elementwise=True)
