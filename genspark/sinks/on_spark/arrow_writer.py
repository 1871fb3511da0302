"""Writing of a Spark frame's rows in its tasks, from Arrow batches; nothing is committed here.

Spark's own Parquet writer takes row by row; here a columnar writer takes batches. The workers need
genspark and Polars.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from genspark.engines.polars.plugin import lazy
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.tasks import run_on_rows
from genspark.errors import SinkError
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.writer import write_files
from genspark.sinks.files.written import WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def write(frame: DataFrame, folder: str, layout: Layout) -> list[WrittenFile]:
    """Write the frame's rows below a folder, each task its own files. Raises SinkError."""
    work = functools.partial(_write_tables, schema=schema_of(frame), folder=folder, layout=layout)
    with spark_errors("sink.path", SinkError):
        return [file for files in run_on_rows(frame, work) for file in files]


def schema_of(frame: DataFrame) -> pl.Schema:
    """The schema that Polars makes of the frame's Arrow batches."""
    from pyspark.sql.pandas.types import to_arrow_schema

    empty: Any = pl.from_arrow(to_arrow_schema(frame.schema, timezone="UTC").empty_table())
    return pl.Schema(empty.schema)


def _write_tables(
    tables: Iterator[pa.Table], task: int, schema: pl.Schema, folder: str, layout: Layout
) -> list[WrittenFile]:
    """Write the rows of one task."""
    frames = (pl.DataFrame(pl.from_arrow(table)).cast(schema) for table in tables)
    return write_files(lazy(lambda _: frames, dict(schema)), folder, layout, task)
