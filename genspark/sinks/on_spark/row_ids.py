"""The rows that share their `_row_id` with another, counted of what Spark wrote, or by Spark where they are many."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from genspark.columns.names import ID_COLUMN
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.functions import functions
from genspark.errors import SinkError
from genspark.session import qualified
from genspark.sinks import row_ids
from genspark.sinks.on_spark import delta_table
from genspark.sinks.sink import Files
from genspark.storage.files import storage_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def in_files(spark: SparkSession, folder: str, rows: Files) -> int | None:
    """The rows of files that are written below a folder and share their id; None where they have none."""
    if not row_ids.have_ids(rows):
        return None
    if sum(file.rows for file in rows.files) <= row_ids.MOST_IN_THIS_PROCESS:
        return row_ids.in_files(folder, rows.files)
    root = storage_path(folder).rstrip("/")
    # Hadoop knows S3 by this name, and the rest as everyone does.
    paths = [qualified(spark, re.sub("^s3:", "s3a:", f"{root}/{file.path}")) for file in rows.files]
    with spark_errors("sink.path", SinkError):
        return _counted(spark.read.schema(f"{ID_COLUMN} long").parquet(*paths))


def in_version(spark: SparkSession, path: str, version: int, added: Sequence[str]) -> int:
    """The rows that share their id, of files that a version of a Delta table added and that Spark alone reaches."""
    names = [file.rpartition("/")[2] for file in added]
    rows = delta_table.load(spark, path, version)
    return _counted(rows.filter(functions().col("_metadata.file_name").isin(*names)).select(ID_COLUMN))


def _counted(ids: DataFrame) -> int:
    F = functions()
    each = ids.filter(F.col(ID_COLUMN).isNotNull()).groupBy(ID_COLUMN).count()
    row = each.filter(F.col("count") > 1).agg(F.coalesce(F.sum("count"), F.lit(0)).alias("shared")).first()
    assert row is not None
    return int(row["shared"])
