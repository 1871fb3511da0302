"""The command of Delta Lake's own library that writes rows and properties of any name in one commit.

`DataFrameWriter` gives it Delta's own properties alone, and `CREATE TABLE AS SELECT`, which takes all, loses what an
`Observation` counts. The command is no public API: a session on Connect, on Databricks or of another version may not
have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genspark.session.connect import is_connect

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
