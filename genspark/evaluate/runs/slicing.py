"""Slices: the rows of each value of some columns, which a score is taken of apart."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw

from genspark.errors import DataError
from genspark.evaluate import parts

MOST = 1000
"""Slices at most."""

Slice = Mapping[str, Any]
"""Column -> value."""


def slices(rows: Mapping[str, Any], by: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The frames of each combination of values of columns, which null may be: values -> the frames by their names.

    A value that one frame has makes a slice of all of them. Raises DataError for a column that is absent, and for more
    than 1,000 slices.
    """
    frames = {name: parts.of_table(str(one)) if isinstance(one, str | Path) else one for name, one in rows.items()}
    found: dict[tuple[Any, ...], None] = {}
    for name, frame in frames.items():
        parts.check_columns(frame, by, name)
        found |= dict.fromkeys(_values(frame, by))
    if len(found) > MOST:
        raise DataError(f"by {', '.join(by)}: there are more than {MOST:,} slices; take columns of fewer values")
    ordered = sorted(found, key=lambda values: tuple((value is None, str(type(value)), value) for value in values))
    of_each = ((values, dict(zip(by, values, strict=True))) for values in ordered)
    return {values: {name: chosen(frame, of) for name, frame in frames.items()} for values, of in of_each}


def chosen(frame: Any, slice_: Slice) -> Any:
    """The rows of a frame that are of a slice; all of them of an empty one."""
    if not slice_:
        return frame
    each = (nw.col(column).is_null() if value is None else nw.col(column) == value for column, value in slice_.items())
    return nw.to_native(parts.narwhals_of(frame).filter(functools.reduce(operator.and_, each)))


def _values(frame: Any, by: Sequence[str]) -> list[tuple[Any, ...]]:
    import polars as pl

    distinct = nw.to_native(parts.narwhals_of(frame).select(*by).unique())
    if parts.is_spark(frame):
        return [tuple(row) for row in distinct.limit(MOST + 1).collect()]
    if isinstance(distinct, pl.LazyFrame):
        distinct = distinct.collect(engine="streaming")
    return pl.DataFrame(distinct).rows()
