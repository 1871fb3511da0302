"""Preparation of Spark frames for a sink: the layout of their rows, and the type of their text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genspark.columns.hashing import ORDER
from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import quoted, wrapped
from genspark.session import is_connect, set_conf
from genspark.sinks.section import Section
from genspark.sinks.stored import stored_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PARTITION_TASKS = 16


def plain_text(frame: DataFrame) -> DataFrame:
    """Give every text column the type that Delta's log calls `string`, whoever made the column.

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


def stored(frame: DataFrame, float_bits: int) -> DataFrame:
    """The rows as a table stores them: see sinks/stored.py, whose expressions do not take every name on Spark."""
    F, before = functions(), dict(wrapped(frame).collect_schema())
    after = stored_schema(before, float_bits)
    types = {field.name: field.dataType for field in frame.schema.fields}
    columns = {name: F.col(quoted(name)) for name in after}
    return frame.select(
        *(
            column if after[name] == before[name] else column.cast(_ddl(types[name], double="float")).alias(name)
            for name, column in columns.items()
        )
    )


def _ddl(kind: Any, double: str = "double") -> str:
    from pyspark.sql import types

    if isinstance(kind, types.ArrayType):
        return f"array<{_ddl(kind.elementType, double)}>"
    if isinstance(kind, types.MapType):
        return f"map<{_ddl(kind.keyType, double)}, {_ddl(kind.valueType, double)}>"
    if isinstance(kind, types.StructType):
        return f"struct<{', '.join(f'{quoted(field.name)}: {_ddl(field.dataType, double)}' for field in kind.fields)}>"
    return double if isinstance(kind, types.DoubleType) else str(kind.simpleString())


def laid_out(frame: DataFrame, section: Section, by: Sequence[str]) -> DataFrame:
    """The rows in the tasks that are to write them, for a table partitioned by these columns.

    Each partition gets `files_per_partition` files, if it has enough rows. `sink.shuffle: global` gives each task a
    range of the order. Else they stay where they are.
    """
    files, F = section.files_per_partition, functions()
    if not files:
        return _by_place(frame) if section.shuffle == "global" and ORDER in frame.columns else frame
    if not by:
        return frame.repartition(files)
    nested = ("map", "binary", "array", "struct", "variant")
    plain = [F.col(quoted(name)) for name, kind in frame.dtypes if not kind.startswith(nested)]
    bucket = F.pmod(F.xxhash64(*plain), F.lit(files))
    value = F.pmod(F.xxhash64(*(F.col(quoted(column)) for column in by)), F.lit(_PARTITION_TASKS))
    # Each value and bucket is one task's, so a file each; a task with several values writes a file for each.
    return frame.repartitionById(_PARTITION_TASKS * files, (value * files + bucket).cast("int"))


def _by_place(frame: DataFrame) -> DataFrame:
    """Give each task a range of the order, in the order of the tasks.

    The places are a hash's, so equal ranges hold equally many rows. `repartitionByRange` would find its ranges by
    reading the rows once more, and what is counted as they pass would be counted twice.
    """
    F = functions()
    tasks = int(frame.sparkSession.conf.get("spark.sql.shuffle.partitions") or 200)
    # The upper 24 bits of a signed number, from 0 on.
    upper = F.shiftright(F.col(ORDER), 40) + F.lit(1 << 23)
    return frame.repartitionById(tasks, F.floor(upper * F.lit(tasks) / F.lit(1 << 24)).cast("int"))


def in_order(frame: DataFrame, section: Section, by: Sequence[str]) -> DataFrame:
    """The rows laid out, and in order in each task, for Spark's own writer, which writes them as they come.

    Tasks get about as many rows as a file should have, so that there are no more files than that: `sized` says so.
    """
    F = functions()
    placed = laid_out(frame, section, by)
    if placed is frame:
        # Without adaptive plans Spark rebalances nothing; each value of the partitions is then one task's.
        adapts = str(frame.sparkSession.conf.get("spark.sql.adaptive.enabled", "true")) == "true"
        names = [quoted(column) for column in by]
        placed = frame.hint("rebalance", *names) if adapts or not by else frame.repartition(*names)
    order = [ORDER] if ORDER in frame.columns else []
    keys = [F.col(quoted(column)) for column in (*by, *order)]
    return placed.sortWithinPartitions(*keys).drop(*order) if keys else placed


def sized(spark: SparkSession, size: int) -> contextlib.AbstractContextManager[None]:
    """Give rows that are rebalanced within the block to tasks of about this many bytes."""
    return held(spark, {ADVISORY: str(size)})


ADVISORY = "spark.sql.adaptive.advisoryPartitionSizeInBytes"


@contextlib.contextmanager
def held(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """Give the session these settings within the block; one that it does not take, as serverless compute, is left."""
    before = {name: spark.conf.get(name, None) for name in settings}
    for name in set_conf(spark, settings):
        del before[name]
    try:
        yield
    finally:
        for name, earlier in before.items():
            spark.conf.unset(name) if earlier is None else spark.conf.set(name, earlier)
