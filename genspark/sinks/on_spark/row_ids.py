"""The rows that share their `_row_id` with another, counted of what Spark wrote, or by Spark where they are many."""

from __future__ import annotations

import re
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


def in_version(spark: SparkSession, path: str, version: int, rows: int) -> int | None:
    """The rows that a version of a Delta table added, so many, and that share their id; None where they have none."""
    F = functions()
    now = delta_table.load(spark, path, version)
    if ID_COLUMN not in now.columns:
        return None
    before = set(delta_table.load(spark, path, version - 1).inputFiles()) if version else set()
    if before:
        names = sorted({uri.rpartition("/")[2] for uri in now.inputFiles() if uri not in before})
        now = now.filter(F.col("_metadata.file_name").isin(*names))
    ids = now.select(ID_COLUMN)
    if rows > row_ids.MOST_IDS:
        return _counted(ids)
    return row_ids.shared([ids.filter(F.col(ID_COLUMN).isNotNull()).toArrow().column(0).to_numpy()])


def _counted(ids: DataFrame) -> int:
    F = functions()
    each = ids.filter(F.col(ID_COLUMN).isNotNull()).groupBy(ID_COLUMN).count()
    row = each.filter(F.col("count") > 1).agg(F.coalesce(F.sum("count"), F.lit(0)).alias("shared")).first()
    assert row is not None
    return int(row["shared"])
