"""A Delta table as Spark tells of it, and what Spark's SQL changes there without writing rows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genspark.engines.spark.engine import text
from genspark.engines.spark.names import quoted
from genspark.errors import StoreError
from genspark.sinks.history import Entry
from genspark.sinks.on_spark.frames import held
from genspark.storage.files import read_text
from genspark.storage.stores import absolute

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_DEFAULTS = "spark.databricks.delta.properties.defaults."
_PLAIN = {
    "delta.checkpointPolicy": "classic",
    "delta.columnMapping.mode": "none",
    "delta.enableDeletionVectors": "false",
}
"""What a table has that every reader opens."""


def named(path: str) -> str:
    """The table at a path, as SQL names it."""
    return f"delta.{quoted(path)}"


def load(spark: SparkSession, path: str, version: int | None = None) -> DataFrame:
    """The rows of the table, or of one of its versions."""
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(path)


def history(spark: SparkSession, path: str) -> list[Entry]:
    """The table's commits, newest first; none where there is no table."""
    from pyspark.errors import AnalysisException

    try:
        rows = spark.sql(f"DESCRIBE HISTORY {named(path)}").collect()
    except AnalysisException:
        return []
    return [Entry.of(row.asDict(recursive=True)) for row in rows]


def latest(spark: SparkSession, path: str) -> int:
    """The table's version."""
    row = spark.sql(f"DESCRIBE HISTORY {named(path)} LIMIT 1").first()
    assert row is not None
    return int(row["version"])


def added(spark: SparkSession, path: str, version: int) -> list[str]:
    """The files that a version added, as its entry in the log names them."""
    entry = f"{path}/_delta_log/{version:020}.json"
    try:
        lines = read_text(absolute(entry)).splitlines()
    except (OSError, ValueError, StoreError):
        # What Spark alone reaches.
        lines = [row["value"] for row in spark.read.text(entry).collect()]
    actions = (json.loads(line) for line in lines if '"add"' in line)
    return [action["add"]["path"] for action in actions if "add" in action]


def set_properties(spark: SparkSession, path: str, properties: Mapping[str, str], metadata: Mapping[str, Any]) -> None:
    """Set properties in a commit of their own, which names its run, so that `put_back` knows it for ours."""
    assignments = ", ".join(f"{_literal(name)} = {_literal(value)}" for name, value in properties.items())
    with telling(spark, metadata):
        spark.sql(f"ALTER TABLE {named(path)} SET TBLPROPERTIES ({assignments})")


def restore(spark: SparkSession, path: str, version: int) -> None:
    """Make the table what it was at a version, in one more commit."""
    spark.sql(f"RESTORE TABLE {named(path)} TO VERSION AS OF {version}")


def delete_where(spark: SparkSession, path: str, column: str, value: Any) -> None:
    """Delete the rows that have a value in a column, in one more commit."""
    rows = f"{named(path)} WHERE {quoted(column)} = {_literal(value)}"
    spark.sql(f"DELETE FROM {rows}")  # noqa: S608 - quoted above


def telling(spark: SparkSession, metadata: Mapping[str, Any]) -> contextlib.AbstractContextManager[None]:
    """Give commits within the block this metadata, whatever makes them."""
    return held(spark, {_USER_METADATA: json.dumps(metadata)})


def plain_properties(spark: SparkSession) -> dict[str, str]:
    """The properties that keep a new table to what every reader opens, where the session's defaults do not."""
    own = {name: spark.conf.get(_DEFAULTS + name.removeprefix("delta."), value) for name, value in _PLAIN.items()}
    return {name: value for name, value in _PLAIN.items() if own[name] != value}


def condition(partitions: Mapping[str, Sequence[Any]]) -> str:
    """The condition, in SQL, for the rows of some partitions."""
    clauses = [f"{quoted(column)} IN ({', '.join(map(_literal, values))})" for column, values in partitions.items()]
    return " AND ".join(clauses)


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, bool | int | float) else text(str(value))
