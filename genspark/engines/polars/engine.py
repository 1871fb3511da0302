"""The polars engine: Polars' streaming engine in this process, no JVM, never all the data in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa

from genspark.columns.expressions import HIDDEN
from genspark.columns.hashing import Drawn, KeyHash, uniform
from genspark.columns.kernels import RESULT, Kernel
from genspark.engines.engine import Engine, over_columns
from genspark.engines.error_rules import stop_on
from genspark.engines.gathered import Gathered
from genspark.engines.polars.hashes import row_hash
from genspark.engines.polars.scan import gather
from genspark.engines.polars.stream import keeping_errors, streamed, with_callback
from genspark.statistics import Statistic
from genspark.steps.rejection import Rejection


class PolarsEngine(Engine):
    """Works on narwhals frames over a Polars LazyFrame; only `gather` computes anything.

    The columns `nan_free` are not searched for NaN: an earlier pass found none in them.
    """

    def __init__(self, nan_free: frozenset[str] = frozenset()) -> None:
        self._nan_free = nan_free

    def without_nan(self, frame: Any, columns: Iterable[str]) -> Any:
        schema = frame.collect_schema()
        wanted = [column for column in columns if column in schema and column not in self._nan_free]
        floats = [column for column in wanted if schema[column].is_float()]
        return nw.from_native(_without_nan(nw.to_native(frame), floats)) if floats else frame

    def gather(self, frame: Any, statistics: Sequence[Statistic]) -> Gathered:
        return streamed(lambda: gather(nw.to_native(frame), statistics))

    def with_draws(self, frame: Any, key: Sequence[str], draws: Sequence[Drawn]) -> Any:
        schema = frame.collect_schema()
        hashes: list[str] = []
        for over, group in over_columns(key, draws, schema).items():
            # A column of its own, so that the key is hashed once and not for every draw.
            hashes.append(f"{HIDDEN}hash_{len(hashes)}")
            frame = _with(frame, [row_hash(over, schema).alias(hashes[-1])])
            frame = _with(frame, (_drawn(hashes[-1], draw) for draw in group))
        return frame.drop(hashes) if hashes else frame

    def with_kernels(self, frame: Any, kernels: Sequence[Kernel]) -> Any:
        for kernel in kernels:
            outputs = pl.col(RESULT).struct.field(*kernel.outputs)
            frame = _with(_with(frame, [_called(kernel).alias(RESULT)]), [outputs]).drop(RESULT)
        return frame

    def with_error_rules(self, frame: Any, label: str, rejections: Sequence[Rejection]) -> Any:
        if all(rejection.action != "error" for rejection in rejections):
            return frame

        def see(batch: pl.DataFrame) -> None:
            stop_on(nw.from_native(batch, eager_only=True), label, rejections)

        return nw.from_native(with_callback(nw.to_native(frame), see))


def _with(frame: Any, expressions: Iterable[pl.Expr]) -> Any:
    listed = list(expressions)
    return nw.from_native(nw.to_native(frame).with_columns(listed)) if listed else frame


def _without_nan(frame: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    def clean(batch: pl.DataFrame) -> pl.DataFrame:
        # A sum tells at the speed of memory that there is none, as there mostly is.
        here = [column for column in columns if column in batch.columns]
        sums = batch.select(pl.col(here).sum()).row(0) if here else ()
        dirty = [column for column, total in zip(here, sums, strict=True) if math.isnan(total)]
        return batch.with_columns(pl.col(dirty).fill_nan(None)) if dirty else batch

    return frame.map_batches(
        clean, predicate_pushdown=False, slice_pushdown=False, validate_output_schema=False, streamable=True
    )


def _called(kernel: Kernel) -> pl.Expr:
    @keeping_errors
    def call(rows: pl.Series) -> pl.Series:
        columns = rows.struct.unnest()
        arrays = [columns[column].to_arrow(compat_level=pl.CompatLevel.oldest()) for column in kernel.columns]
        return pl.Series(rows.name, kernel(arrays))

    dtype = pl.Series(pa.array([], kernel.type)).dtype
    return pl.struct(kernel.columns).map_batches(call, return_dtype=dtype, is_elementwise=True)


def _drawn(hash_column: str, draw: Drawn) -> pl.Expr:
    if isinstance(draw, KeyHash):
        return pl.col(hash_column).reinterpret(signed=True).alias(draw.column)

    def numbers(series: pl.Series) -> pl.Series:
        return pl.Series(series.name, uniform(series.to_numpy(), draw), dtype=pl.Float64)

    drawn = pl.col(hash_column).map_batches(numbers, return_dtype=pl.Float64, is_elementwise=True)
    return drawn.alias(draw.column)
