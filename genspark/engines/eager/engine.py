"""The engine for frames in memory: pandas, Polars and PyArrow, for serving and for inverting samples.

It applies a fitted model itself; to fit, it hands the frame to Polars. It imports no Spark.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa

from genspark.columns.hashing import Drawn, Hashes, KeyHash, column_seed, uniform
from genspark.columns.kernels import Kernel
from genspark.columns.series_hash import hash_series
from genspark.engines.engine import Build, Engine, over_columns
from genspark.engines.error_rules import stop_on
from genspark.engines.gathered import Gathered
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.polars.replay import replayable
from genspark.engines.polars.stream import streamed
from genspark.errors import DataError, first_line
from genspark.statistics import Statistic
from genspark.steps.rejection import Rejection


class EagerEngine(Engine):
    """Runs scans on narwhals DataFrames; every call computes its result at once."""

    def run(self, frame: Any, build: Build, built: dict[Any, Any]) -> Any:
        native = nw.to_native(frame)
        if isinstance(native, pa.Table):
            after = self.run(nw.from_native(pl.DataFrame(native), eager_only=True), build, built)
            return _as_arrow(after, native.schema)
        if not isinstance(native, pl.DataFrame):
            return super().run(frame, build, built)
        schema = tuple(native.schema.items())
        if schema not in built:
            built[schema] = replayable(native.schema, lambda start: build(PolarsEngine(), start))
        try:
            return streamed(lambda: built[schema](native))
        except pl.exceptions.InvalidOperationError as error:
            raise DataError(f"{first_line(error)}; clean the column before it is cast") from None

    def gather(self, frame: Any, statistics: Sequence[Statistic]) -> Gathered:
        return PolarsEngine().gather(nw.from_native(frame.to_polars().lazy()), statistics)

    def with_draws(self, frame: Any, key: Sequence[str], draws: Sequence[Drawn]) -> Any:
        added = []
        for over, group in over_columns(key, draws, frame.columns).items():
            hashes = [hash_series(frame[column], column_seed(position)) for position, column in enumerate(over)]
            row_hash = functools.reduce(operator.xor, hashes)
            added += [_column(frame, draw.column, _numbers(row_hash, draw)) for draw in group]
        return frame.with_columns(*added) if added else frame

    def with_kernels(self, frame: Any, kernels: Sequence[Kernel]) -> Any:
        for kernel in kernels:
            results = kernel([_as_array(frame[column]) for column in kernel.columns]).flatten()
            made = (_of_array(frame, *pair) for pair in zip(kernel.outputs, results, strict=True))
            frame = frame.with_columns(*made)
        return frame

    def with_error_rules(self, frame: Any, label: str, rejections: Sequence[Rejection]) -> Any:
        if any(rejection.action == "error" for rejection in rejections):
            stop_on(_judged(frame), label, rejections)
        return frame

    def filtered(self, frame: Any, predicate: nw.Expr) -> Any:
        judged = _judged(frame)
        return frame.filter(predicate if judged is frame else judged.select(kept=predicate)["kept"].to_list())


def _judged(frame: Any) -> Any:
    """A frame by which rows are judged: pandas takes what is unknown for false, and its opposite for true."""
    return nw.from_native(frame.to_polars(), eager_only=True) if frame.implementation.is_pandas_like() else frame


def _as_arrow(frame: pl.DataFrame, before: pa.Schema) -> pa.Table:
    """The frame in Arrow's plain types, and in those that its columns came in."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    came = {field.name: field.type for field in before}
    dtypes = pl.DataFrame(before.empty_table()).schema
    fields = [
        field.with_type(came[field.name] if dtypes.get(field.name) == frame.schema[field.name] else _small(field.type))
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _small(dtype: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_large_string(dtype) else dtype


def _numbers(row_hash: Hashes, draw: Drawn) -> Any:
    return row_hash.view(np.int64) if isinstance(draw, KeyHash) else uniform(row_hash, draw)


def _column(frame: Any, name: str, values: Any) -> Any:
    """A new column aligned with the frame's rows, whatever the frame's index."""
    return _in_line(frame, nw.new_series(name, values, backend=frame.implementation))


def _as_array(series: Any) -> pa.Array:
    """The values of a narwhals Series as one Arrow array, NaN as null where pandas knows no other."""
    values = series.to_arrow()
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _of_array(frame: Any, name: str, values: pa.Array) -> Any:
    """A new column of an Arrow array's values, and of its type where the frame's library has that type."""
    if frame.implementation.is_polars():
        native: Any = pl.Series(name, values)
    elif frame.implementation.is_pyarrow():
        native = pa.chunked_array([values])
    else:
        native = values.to_pandas()
    return _in_line(frame, nw.from_native(native, series_only=True).alias(name))


def _in_line(frame: Any, series: Any) -> Any:
    if frame.implementation.is_pandas_like():
        return nw.from_native(series.to_native().set_axis(nw.to_native(frame).index), series_only=True)
    return series
