"""New Delta tables by Spark, with properties of any name.

Delta Lake's own library has a command that writes rows and properties in one commit. `DataFrameWriter` gives it Delta's
own properties alone, and `CREATE TABLE AS SELECT`, which takes all, loses what an `Observation` counts. The command is
no public API: where it is not to be had as it is here (Spark Connect, Databricks, another version), the table is made
without rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import quoted
from genspark.session import is_connect
from genspark.sinks.on_spark import delta_table
from genspark.sinks.on_spark.frames import plain_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def making(
    spark: SparkSession,
    frame: DataFrame,
    path: str,
    partition_by: Sequence[str],
    properties: Mapping[str, str],
    options: Mapping[str, str],
) -> Callable[[], object] | None:
    """What writes the frame as a new table when it is called, and fails where there is one; None if nothing here can.

    `options` are those of Delta's writer.
    """
    if is_connect(spark):
        return None
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]

    jvm: Any = spark._jvm
    session: Any = spark._jsparkSession
    scala, delta, option = jvm.org.apache.spark.api.python.PythonUtils, jvm.org.apache.spark.sql.delta, jvm.scala.Option
    try:
        command = delta.commands.WriteIntoDelta(
            delta.DeltaLog.forTable(session, path),
            jvm.org.apache.spark.sql.SaveMode.ErrorIfExists,
            delta.DeltaOptions(scala.toScalaMap(dict(options)), session.sessionState().conf()),
            scala.toSeq(list(partition_by)),
            scala.toScalaMap(dict(properties)),
            frame._jdf,
            option.empty(),
            option.empty(),
            False,
        )
    except (TypeError, Py4JError):
        # Delta's classes have other names, as on Databricks, or take other arguments.
        return None
    return lambda: command.run(session)


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
