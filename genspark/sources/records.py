"""`RecordFormat`, the base of text formats whose records have no types and may be corrupt: csv and JSON lines."""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from genspark.columns.expressions import balanced
from genspark.engines.fate import CORRUPT
from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import quoted
from genspark.errors import ShardError, SourceError, first_line
from genspark.sources.codecs import refuse_on_spark
from genspark.sources.format import UNREADABLE, Found, Schema, StreamedFormat, file_columns, folder_columns
from genspark.sources.keeping import Keeper, Part, remove
from genspark.sources.numbering import numbered
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
"""Spark's name for the column of corrupt records."""


Keep = Callable[[str, pl.DataFrame], None]
"""(a shard's path, some of its rows): keeps them."""


class RecordFormat(StreamedFormat):
    """A format whose types, where they are not given, take a pass over the data. It keeps the text of corrupt records.

    A subclass defines `infer` and `readings`, and `check` where files may contradict each other.
    """

    tells_corrupt = True
    tells_bytes = True
    is_parsed = True
    infers = True
    unpacks = True

    @abstractmethod
    def infer(self, shards: Sequence[Shard], options: Mapping[str, str], keep: Keep | None) -> Schema:
        """Find the columns, each with a type that holds all its values.

        `keep` is to be given the rows of each shard, in order, in frames of the types that are known so far, with
        `CORRUPT`. Raises SourceError, or what reading raises.
        """

    @abstractmethod
    def readings(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[Callable[[], pl.DataFrame]]:
        """Yield a call for each block of one shard, in order, that reads the block and may run in any thread.

        The calls return the frames that `frames` yields; a frame may be empty.
        """

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        return (frame for frame in ahead.results(self.readings(shard, schema, options, needed)) if frame.height)

    def stream(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], needed: frozenset[str]
    ) -> Iterator[pl.DataFrame]:
        """Read all shards in order, their blocks side by side, so that small shards keep all threads busy too."""

        def readings() -> Iterator[Callable[[], tuple[int, pl.DataFrame]]]:
            for number, shard in enumerate(shards):
                constants = folder_columns(shard, schema, needed)
                for reading in self.readings(shard, file_columns(shard, schema), options, needed):
                    yield functools.partial(_with_columns, reading, constants, number)

        for _, of_shard in itertools.groupby(ahead.results(readings()), key=operator.itemgetter(0)):
            frames = numbered((frame for _, frame in of_shard), needed)
            yield from (frame for frame in frames if frame.height)

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
        """Read the source with Spark, with the text of corrupt records; inferring the types takes one pass."""
        from pyspark.sql.types import StringType, StructField, StructType

        from genspark.sources.spark_input import Input, described, parsed

        paths, options = paths_of(source), self.options.for_spark(source.options)
        if source.schema_:
            schema, passes = parsed(spark, source.schema_), 0
        else:
            inferred = spark.read.format(self.name).options(**options).load(paths)
            refuse_on_spark(inferred.inputFiles())
            schema, passes = inferred.schema, 1
        fields = [f for f in schema.fields if f.name != CORRUPT_OPTION]
        if not fields:
            raise SourceError(f"{PLACE}: no record of {named(source)} could be read as {self.name}; check the format")
        with_corrupt = StructType([*fields, StructField(CORRUPT_OPTION, StringType())])
        reader_options = {"columnNameOfCorruptRecord": CORRUPT_OPTION, "mode": "PERMISSIVE", "columnPruning": "false"}
        frame = spark.read.format(self.name).options(**{**options, **reader_options}).schema(with_corrupt).load(paths)
        return Input(_whole_records(frame, fields), described(source, frame), passes)


def _with_columns(
    reading: Callable[[], pl.DataFrame], constants: Sequence[pl.Expr], number: int
) -> tuple[int, pl.DataFrame]:
    return number, reading().with_columns(constants)


def _whole_records(frame: DataFrame, fields: Sequence[StructField]) -> DataFrame:
    """The frame with `CORRUPT`, and a metric, which nobody reads, over all columns.

    Spark parses only the columns that a query needs, and a record is corrupt only if one of these is. The metric needs
    them all, so that every pass finds the same records corrupt.
    """
    F = functions()
    any_null = balanced(operator.or_, (F.col(quoted(field.name)).isNull() for field in fields))
    frame = frame.withColumnRenamed(CORRUPT_OPTION, CORRUPT)
    return frame.observe("genspark_whole_records", F.count_if(any_null).alias("with_null"))


def _cause(path: str) -> str | None:
    """Why a file of text cannot be read to its end; None where it can."""
    try:
        for _ in blocks(path):
            pass
    except UNREADABLE as error:
        return f"cannot be read ({first_line(error)})"
    return None


@contextlib.contextmanager
def _explained(shards: Sequence[Shard]) -> Iterator[None]:
    """Name the shards that cannot be read where the block fails on what a library raises."""
    try:
        yield
    except UNREADABLE as error:
        causes = {shard.path: cause for shard in shards if (cause := _cause(shard.path))}
        if causes:
            raise ShardError(causes, REMEDY) from error
        raise SourceError(f"{PLACE}: {', '.join(shard.path for shard in shards[:3])}: {error}") from error
