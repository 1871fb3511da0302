"""Rows of a Spark frame, written in its tasks as they leave Catalyst in Arrow batches; nothing is committed here.

Spark's own Parquet writer takes row by row; here a columnar writer takes batches. The workers need
genspark and Polars.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from genspark.engines.polars.plugin import lazy
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.names import numbered
from genspark.errors import SinkError
from genspark.sinks.parquet_files import Layout, WrittenFile, write_files

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

BATCH_ROWS = 1 << 16
"""Rows that are handed on at once: Spark's batches are smaller than a columnar writer likes them."""


def write(frame: DataFrame, folder: str, layout: Layout) -> list[WrittenFile]:
    """Write the frame's rows below a folder, each task its own files. Raises SinkError."""
    schema = schema_of(frame)
    cores = str(frame.sparkSession.conf.get("spark.task.cpus", "1") or "1")

    def serve(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os

        # Before Polars is imported: a task has so many cores, and others have theirs.
        os.environ.setdefault("POLARS_MAX_THREADS", cores)
        import pyarrow as pa
        from pyspark import TaskContext

        from genspark.sinks.arrow_writer import write_batches

        context = TaskContext.get()
        files = write_batches(batches, schema, folder, layout, context.partitionId() if context else 0)
        yield pa.record_batch([pa.array([pickle.dumps(files)], pa.binary())], names=["files"])

    with spark_errors("sink.path", SinkError):
        rows = numbered(frame, frame.columns).mapInArrow(serve, "files binary").collect()
    return [file for row in rows for file in pickle.loads(row["files"])]  # noqa: S301 - our own tasks made them


def schema_of(frame: DataFrame) -> pl.Schema:
    """The frame's columns as Polars takes them from Arrow."""
    from pyspark.sql.pandas.types import to_arrow_schema

    empty: Any = pl.from_arrow(to_arrow_schema(frame.schema, timezone="UTC").empty_table())
    return pl.Schema(empty.schema)


def write_batches(
    batches: Iterator[pa.RecordBatch], schema: pl.Schema, folder: str, layout: Layout, task: int
) -> list[WrittenFile]:
    """Write the rows of one task."""
    return write_files(lazy(lambda _: _frames(batches, schema), dict(schema)), folder, layout, task)


def _frames(batches: Iterator[pa.RecordBatch], schema: pl.Schema) -> Iterator[pl.DataFrame]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            yield _frame(held, schema)
            held, rows = [], 0
    if rows:
        yield _frame(held, schema)


def _frame(batches: list[pa.RecordBatch], schema: pl.Schema) -> pl.DataFrame:
    import pyarrow as pa

    frame: Any = pl.from_arrow(pa.Table.from_batches(batches).rename_columns(schema.names()))
    return frame.cast(dict(schema))  # type: ignore[no-any-return]
