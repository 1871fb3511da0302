"""Formats of text whose records tell no types and may be corrupt: csv and JSON lines."""

from __future__ import annotations

import contextlib
import functools
import operator
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from genspark.engines.fate import CORRUPT
from genspark.engines.spark.names import quoted
from genspark.errors import ShardError, SourceError
from genspark.sources.format import Found, Schema, StreamedFormat, file_columns, folder_columns
from genspark.sources.keeping import Keeper, Part, remove
from genspark.sources.parsing import ahead
from genspark.sources.parsing.blocks import blocks
from genspark.sources.places import PLACE, REMEDY
from genspark.sources.shard import Shard
from genspark.sources.source import Source, named, paths_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructField

    from genspark.sources.spark_input import Input

CORRUPT_OPTION = "_corrupt_record"
"""The name that Spark has for the column of corrupt records."""

_UNREADABLE = (OSError, ValueError, pl.exceptions.PolarsError)


Keep = Callable[[str, pl.DataFrame], None]
"""(a shard's path, some of its rows): keeps them."""


class RecordFormat(StreamedFormat):
    """Finds the types in a pass over the data, where they are not given, and keeps corrupt records' text.

    Give it `infer` and `readings`, and `check` where the files can contradict a schema that is given.
    """

    tells_corrupt = True
    is_parsed = True

    @abstractmethod
    def infer(self, shards: Sequence[Shard], options: Mapping[str, str], keep: Keep | None) -> Schema:
        """The columns with the types that all their values have.

        `keep` is to be given the rows of each shard, in order, in frames of the types that are known so far, and
        with `CORRUPT`. Raises SourceError, or what reading raises.
        """

    @abstractmethod
    def readings(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[Callable[[], pl.DataFrame]]:
        """The blocks of one shard, in order, each as a call that reads it and may run in any thread.

        What the calls give is what `frames` gives; a frame may be empty.
        """

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        return (frame for frame in ahead.results(self.readings(shard, schema, options, needed)) if frame.height)

    def stream(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], needed: frozenset[str]
    ) -> Iterator[pl.DataFrame]:
        """The frames of all shards in order; small shards are read side by side."""

        def readings() -> Iterator[Callable[[], pl.DataFrame]]:
            for shard in shards:
                told = folder_columns(shard, schema, needed)
                for reading in self.readings(shard, file_columns(shard, schema), options, needed):
                    yield functools.partial(_completed, reading, told)

        return (frame for frame in ahead.results(readings()) if frame.height)

    def check(self, shards: Sequence[Shard], options: Mapping[str, str]) -> None:
        """Raise SourceError where the files contradict each other, whatever the schema."""

    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        if given is None:
            return self.inferred(shards, options, None)
        with _explained(shards):
            self.check(shards, options)
        return Found(given)

    def inferred(self, shards: Sequence[Shard], options: Mapping[str, str], keeper: Keeper | None) -> Found:
        """The columns as a pass over the data finds them, which keeps the rows as far as it can tell their types."""
        with _explained(shards):
            schema = self.infer(shards, options, keeper.add if keeper else None)
        if keeper is None:
            return Found(schema, passes=1)
        # One that is not among those written to has no row.
        kept: dict[str, tuple[Part, ...]] = {} if keeper.is_full else {shard.path: () for shard in shards}
        for path, parts in keeper.kept().items():
            if all(part.fits(schema) for part in parts):
                kept[path] = parts
            else:
                del kept[path]
                remove(parts)
        return Found(schema, passes=1, kept=kept)

    def on_spark(self, spark: SparkSession, source: Source) -> Input:
        """The rows, with the text of records that Spark cannot read; one pass where the types are inferred."""
        from pyspark.sql.types import StringType, StructField, StructType

        from genspark.sources.spark_input import Input, described, parsed

        paths, options = paths_of(source), self.options.for_spark(source.options)
        if source.schema_:
            schema, passes = parsed(spark, source.schema_), 0
        else:
            schema, passes = spark.read.format(self.name).options(**options).load(paths).schema, 1
        known = [f for f in schema.fields if f.name != CORRUPT_OPTION]
        if not known:
            raise SourceError(f"{PLACE}: no record of {named(source)} could be read as {self.name}; check the format")
        told = StructType([*known, StructField(CORRUPT_OPTION, StringType())])
        steady = {"columnNameOfCorruptRecord": CORRUPT_OPTION, "mode": "PERMISSIVE", "columnPruning": "false"}
        frame = spark.read.format(self.name).options(**{**options, **steady}).schema(told).load(paths)
        return Input(_needing_all(frame, known), described(source, frame), passes)


def _completed(reading: Callable[[], pl.DataFrame], told: Sequence[pl.Expr]) -> pl.DataFrame:
    return reading().with_columns(told)


def _needing_all(frame: DataFrame, known: Sequence[StructField]) -> DataFrame:
    """The frame with `CORRUPT`, and every column needed by a metric that nobody reads.

    Every pass must judge a record alike, and Spark judges only the columns that it needs.
    """
    from pyspark.sql import functions as F

    any_null = functools.reduce(operator.or_, (F.col(quoted(field.name)).isNull() for field in known))
    frame = frame.withColumnRenamed(CORRUPT_OPTION, CORRUPT)
    return frame.observe("genspark_whole_records", F.count_if(any_null).alias("with_null"))


def _cut_short(path: str) -> str | None:
    """Why the bytes of a file of text cannot be had to their end; None where they can."""
    try:
        for _ in blocks(path):
            pass
    except _UNREADABLE as error:
        return f"cannot be read ({str(error).strip().partition(chr(10))[0] or type(error).__name__})"
    return None


@contextlib.contextmanager
def _explained(shards: Sequence[Shard]) -> Iterator[None]:
    """Name the shards that cannot be read where the block fails on what a library raises."""
    try:
        yield
    except _UNREADABLE as error:
        causes = {shard.path: cause for shard in shards if (cause := _cut_short(shard.path))}
        if causes:
            raise ShardError(causes, REMEDY) from error
        raise SourceError(f"{PLACE}: {', '.join(shard.path for shard in shards[:3])}: {error}") from error
