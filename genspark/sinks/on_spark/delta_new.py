"""New Delta tables without rows, for sessions whose Delta cannot write rows and properties in one commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import quoted
from genspark.sinks.on_spark import delta_table
from genspark.sinks.on_spark.frames import plain_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def make_without_rows(
    spark: SparkSession,
    frame: DataFrame,
    path: str,
    partition_by: Sequence[str],
    properties: Mapping[str, str],
    metadata: Mapping[str, Any],
) -> None:
    """Make a table of the frame's columns, in commits that tell of the run; fails where there is a table."""
    empty, F = plain_text(spark.createDataFrame([], frame.schema)), functions()
    writer = empty.writeTo(delta_table.named(path)).using("delta")
    for name, value in properties.items():
        writer = writer.tableProperty(name, value)
    if partition_by:
        writer = writer.partitionedBy(*(F.col(quoted(name)) for name in partition_by))
    try:
        with delta_table.telling(spark, metadata):
            writer.create()
    except Exception:
        if delta_table.history(spark, path):
            raise
        # Models lie there already: Spark then takes properties but Delta's own in a commit apart.
        own = {name: value for name, value in properties.items() if name.startswith("delta.")}
        beside = empty.write.format("delta").mode("error").partitionBy(*partition_by).options(**own)
        beside.option("userMetadata", json.dumps(metadata)).save(path)
        delta_table.set_properties(spark, path, properties, metadata)
