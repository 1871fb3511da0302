"""Delta tables by Spark's own writer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from genspark.engines.spark.engine import text
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.names import quoted
from genspark.errors import SinkError, TargetError
from genspark.session import qualified
from genspark.sinks.on_spark.frames import laid_out, plain_text
from genspark.sinks.section import Section
from genspark.sinks.sink import Sink
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


@dataclass(frozen=True)
class DeltaSpark(Sink["DataFrame"]):
    """Delta tables by Spark's own writer, through whatever catalog or file system the session has."""

    spark: SparkSession
    place: str = "sink.path"

    noun: ClassVar[str] = "a Delta table"
    has_log: ClassVar[bool] = True
    can_map: ClassVar[bool] = True

    def find(self, path: str) -> Table:
        from pyspark.errors import AnalysisException

        with spark_errors(self.place, TargetError):
            path = qualified(self.spark, path)
            try:
                detail = self.spark.sql(f"DESCRIBE DETAIL {_table(path)}").first()
            except AnalysisException:
                return absent(path, self.place, self.noun)
            assert detail is not None
            version = _history(self.spark, path)["version"]
            return Table(path, version, tuple(detail["partitionColumns"]), dict(detail["properties"]))

    def commit(
        self,
        table: Table,
        section: Section,
        rows: DataFrame,
        metadata: Mapping[str, Any],
        properties: Mapping[str, str],
    ) -> Commit:
        with spark_errors(self.place, SinkError):
            frame = plain_text(rows)
            writer = laid_out(frame, section).write.format("delta").option("userMetadata", json.dumps(metadata))
            if section.max_records_per_file:
                writer = writer.option("maxRecordsPerFile", str(section.max_records_per_file))
            if table.version is None:
                writer = writer.mode(section.mode).options(**creation_properties(section))
                writer.partitionBy(*section.partition_by).save(table.path)
            elif section.mode == "overwrite" and section.partitions:
                _refuse_other_columns(frame, table)
                writer.mode("overwrite").option("replaceWhere", _condition(section.partitions)).save(table.path)
            elif section.mode == "overwrite":
                writer = writer.mode("overwrite").option("overwriteSchema", "true")
                writer.partitionBy(*section.partition_by).save(table.path)
            else:
                _refuse_other_columns(frame, table)
                writer.mode("append").partitionBy(*partitioning(table, section)).save(table.path)
            commit = _commit(self.spark, table.path, metadata)
            changed = changed_properties(table, section, properties)
            return _set_properties(self.spark, table.path, changed, commit, metadata) if changed else commit

    def append(self, table: Table, rows: DataFrame, metadata: Mapping[str, Any]) -> Commit | None:
        with spark_errors(self.place, SinkError):
            writer = plain_text(rows).write.format("delta").mode("append").option("mergeSchema", "true")
            writer.option("userMetadata", json.dumps(metadata)).save(table.path)
            commit = _commit(self.spark, table.path, metadata)
            if commit.rows:
                return commit
            self.put_back(table, metadata["run_id"])
            return None

    def put_back(self, table: Table, run_id: str) -> None:
        from pyspark.errors import AnalysisException

        try:
            history = self.spark.sql(f"DESCRIBE HISTORY {_table(table.path)}")
            commits = history.select("version", "userMetadata").collect()
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
            self.spark.sql(f"RESTORE TABLE {_table(table.path)} TO VERSION AS OF {table.version}")

    def sweep(self, table: Table, run_id: str, commit: Commit) -> None:
        # Spark's committer takes away what its tasks leave, and names no run in a file's name.
        return


def _refuse_other_columns(frame: DataFrame, table: Table) -> None:
    there = frame.sparkSession.read.format("delta").load(table.path)
    refuse_other_columns(dict(there.dtypes), dict(frame.dtypes))


def _set_properties(
    spark: SparkSession, path: str, properties: Mapping[str, str], commit: Commit, metadata: Mapping[str, Any]
) -> Commit:
    assignments = ", ".join(f"{_literal(name)} = {_literal(value)}" for name, value in properties.items())
    # The commit names its run, so that `put_back` knows it for ours.
    spark.conf.set(_USER_METADATA, json.dumps(metadata))
    try:
        spark.sql(f"ALTER TABLE {_table(path)} SET TBLPROPERTIES ({assignments})")
    finally:
        spark.conf.unset(_USER_METADATA)
    return replace(commit, version=_history(spark, path)["version"])


_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


def _commit(spark: SparkSession, path: str, metadata: Mapping[str, Any]) -> Commit:
    last = _history(spark, path)
    if last["userMetadata"] != json.dumps(metadata):
        # Of a frame that it knows to be empty Spark makes no commit, and the last is another's.
        return Commit(last["version"], 0, 0, 0)
    metrics = last["operationMetrics"]
    rows, files, size = (int(metrics.get(name, 0)) for name in ("numOutputRows", "numFiles", "numOutputBytes"))
    return Commit(last["version"], rows, files, size)


def _history(spark: SparkSession, path: str) -> Any:
    return spark.sql(f"DESCRIBE HISTORY {_table(path)} LIMIT 1").first()


def _condition(partitions: Mapping[str, Sequence[Any]]) -> str:
    clauses = [f"{quoted(column)} IN ({', '.join(map(_literal, values))})" for column, values in partitions.items()]
    return " AND ".join(clauses)


def _table(path: str) -> str:
    return f"delta.{quoted(path)}"


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, bool | int | float) else text(str(value))
