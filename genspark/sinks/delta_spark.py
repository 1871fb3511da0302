"""Writing a Delta table with Spark: what is there, one commit, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genspark.config import Sink
from genspark.engines.spark.engine import text
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.names import quoted
from genspark.errors import SinkError
from genspark.session import is_connect
from genspark.sinks.table import (
    Commit,
    Table,
    absent,
    changed_properties,
    creation_properties,
    partitioning,
    refuse_other_columns,
)
from genspark.storage.files import clear

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def find(spark: SparkSession, path: str, place: str = "sink.path") -> Table:
    """The table at a path. Raises TargetError where something else is there, or nothing may be written."""
    from pyspark.errors import AnalysisException

    try:
        detail = spark.sql(f"DESCRIBE DETAIL {_table(path)}").first()
    except AnalysisException:
        return absent(path, place)
    assert detail is not None
    version = _history(spark, path)["version"]
    return Table(path, version, tuple(detail["partitionColumns"]), dict(detail["properties"]))


def write(
    frame: DataFrame, table: Table, sink: Sink, metadata: Mapping[str, Any], properties: Mapping[str, str]
) -> Commit:
    """Write the frame in one commit that carries `metadata`, and set the table's properties.

    `properties` are those the steps want, beside the sink's own; where they change, that is a
    commit of its own after the rows'. Raises SinkError; the table is then as it was.
    """
    with spark_errors("sink.path", SinkError):
        frame = plain_text(frame)
        writer = laid_out(frame, sink).write.format("delta").option("userMetadata", json.dumps(metadata))
        if sink.max_records_per_file:
            writer = writer.option("maxRecordsPerFile", str(sink.max_records_per_file))
        if table.version is None:
            writer.mode(sink.mode).options(**creation_properties(sink)).partitionBy(*sink.partition_by).save(table.path)
        elif sink.mode == "overwrite" and sink.partitions:
            _refuse_other_columns(frame, table)
            writer.mode("overwrite").option("replaceWhere", _condition(sink.partitions)).save(table.path)
        elif sink.mode == "overwrite":
            writer.mode("overwrite").option("overwriteSchema", "true").partitionBy(*sink.partition_by).save(table.path)
        else:
            _refuse_other_columns(frame, table)
            writer.mode("append").partitionBy(*partitioning(table, sink)).save(table.path)
        commit = _commit(frame.sparkSession, table.path)
        changed = changed_properties(table, sink, properties)
        return _set_properties(frame.sparkSession, table.path, changed, commit, metadata) if changed else commit


def append_merging(frame: DataFrame, path: str, metadata: Mapping[str, Any]) -> Commit:
    """Append to a table whose columns may differ from run to run: new ones are added."""
    with spark_errors("quarantine.path", SinkError):
        writer = plain_text(frame).write.format("delta").mode("append").option("mergeSchema", "true")
        writer.option("userMetadata", json.dumps(metadata)).save(path)
        return _commit(frame.sparkSession, path)


def put_back(spark: SparkSession, table: Table, run_id: str) -> None:
    """Undo what run `run_id` committed: the table's old version comes back, or nothing remains.

    Commits of others are left alone: where one is among them, nothing is done.
    """
    from pyspark.errors import AnalysisException

    try:
        commits = spark.sql(f"DESCRIBE HISTORY {_table(table.path)}").select("version", "userMetadata").collect()
    except AnalysisException:
        # No commit was made; data files without one would only be in the way.
        if table.version is None:
            clear(table.path)
        return
    since = [commit for commit in commits if table.version is None or commit["version"] > table.version]
    if not since or any(run_id not in (commit["userMetadata"] or "") for commit in since):
        return
    if table.version is None:
        clear(table.path)
    else:
        spark.sql(f"RESTORE TABLE {_table(table.path)} TO VERSION AS OF {table.version}")


def _refuse_other_columns(frame: DataFrame, table: Table) -> None:
    there = frame.sparkSession.read.format("delta").load(table.path)
    refuse_other_columns(dict(there.dtypes), dict(frame.dtypes))


def _set_properties(
    spark: SparkSession, path: str, properties: Mapping[str, str], commit: Commit, metadata: Mapping[str, Any]
) -> Commit:
    told = ", ".join(f"{_literal(name)} = {_literal(value)}" for name, value in properties.items())
    # The commit names its run, so that `put_back` knows it for ours.
    spark.conf.set(_USER_METADATA, json.dumps(metadata))
    try:
        spark.sql(f"ALTER TABLE {_table(path)} SET TBLPROPERTIES ({told})")
    finally:
        spark.conf.unset(_USER_METADATA)
    return replace(commit, version=_history(spark, path)["version"])


_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


def plain_text(frame: DataFrame) -> DataFrame:
    """The frame with text that Delta's log calls `string`, whoever made the column.

    Connect sends each text type with its collation, and Spark then writes a table whose columns are
    `string collate UTF8_BINARY`, which is the same to Spark and unknown to every other reader.
    """
    fields = frame.schema.fields if is_connect(frame.sparkSession) else []
    as_string = {
        field.name: frame[quoted(field.name)].cast(_ddl(field.dataType))
        for field in fields
        if "string" in field.dataType.simpleString()
    }
    return frame.withColumns(as_string) if as_string else frame


def _ddl(kind: Any) -> str:
    from pyspark.sql import types

    if isinstance(kind, types.ArrayType):
        return f"array<{_ddl(kind.elementType)}>"
    if isinstance(kind, types.MapType):
        return f"map<{_ddl(kind.keyType)}, {_ddl(kind.valueType)}>"
    if isinstance(kind, types.StructType):
        return f"struct<{', '.join(f'{quoted(field.name)}: {_ddl(field.dataType)}' for field in kind.fields)}>"
    return str(kind.simpleString())


def laid_out(frame: DataFrame, sink: Sink) -> DataFrame:
    """The rows gathered so that each partition value gets `files_per_partition` files, if it has the rows."""
    files = sink.files_per_partition
    if not files:
        return frame
    from pyspark.sql import functions as F

    if not sink.partition_by:
        return frame.repartition(files)
    nested = ("map", "binary", "array", "struct", "variant")
    plain = [F.col(f"`{name}`") for name, kind in frame.dtypes if not kind.startswith(nested)]
    bucket = F.pmod(F.xxhash64(*plain), F.lit(files))
    value = F.pmod(F.xxhash64(*(F.col(f"`{column}`") for column in sink.partition_by)), F.lit(_PARTITION_TASKS))
    # Each value and bucket is one task's, so a file each; a task with several values writes a file for each.
    return frame.repartitionById(_PARTITION_TASKS * files, (value * files + bucket).cast("int"))


_PARTITION_TASKS = 16


def _commit(spark: SparkSession, path: str) -> Commit:
    last = _history(spark, path)
    metrics = last["operationMetrics"]
    rows, files, size = (int(metrics.get(name, 0)) for name in ("numOutputRows", "numFiles", "numOutputBytes"))
    return Commit(last["version"], rows, files, size)


def _history(spark: SparkSession, path: str) -> Any:
    return spark.sql(f"DESCRIBE HISTORY {_table(path)} LIMIT 1").first()


def _condition(partitions: Mapping[str, Sequence[Any]]) -> str:
    clauses = [
        f"`{column}` IN ({', '.join(_literal(value) for value in values)})" for column, values in partitions.items()
    ]
    return " AND ".join(clauses)


def _table(path: str) -> str:
    return f"delta.{quoted(path)}"


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, bool | int | float) else text(str(value))
