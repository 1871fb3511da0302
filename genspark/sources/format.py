"""What a source format is: how its shards are found, typed and read, by Polars and by Spark.

A new format is a file below `genspark/sources/formats/` with a subclass that has a `name`.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from genspark.engines.fate import FILE
from genspark.engines.polars.plugin import lazy
from genspark.errors import SourceError
from genspark.sources import ddl
from genspark.sources.keeping import Kept
from genspark.sources.listing import Listing, list_shards
from genspark.sources.options import FILES, Options
from genspark.sources.shard import Shard
from genspark.sources.source import Source, paths_of
from genspark.storage.stores import file_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from genspark.sources.spark_input import Input

Schema = Mapping[str, pl.DataType]


@dataclass(frozen=True)
class Found:
    """The columns of shards, and how many passes over the data it took to find them.

    `variants` has a number for the path of each shard whose types differ from the first one's before they
    are made alike; shards that are not in it are of variant 0. `kept` has the rows of shards that were kept on the way.
    """

    columns: Schema
    passes: int = 0
    variants: Mapping[str, int] = field(default_factory=dict)
    kept: Kept = field(default_factory=dict)


class Format(ABC):
    """One source format. It holds no state: an instance travels to workers by the name of its class.

    The class attributes say what a job may expect of the format:

    - `options`: the options that are read without Spark, and their defaults.
    - `is_parsed`: reading costs so much that rows needed again are kept: see `sources/stage.py`.
    - `tells_corrupt`: records that cannot be read are kept, with their text in the column `CORRUPT`.
    - `is_versioned`: a table of versions; `version` and `timestamp` go with it, and its files never change.
    - `reads_empty`: a file of no bytes holds something all the same.
    - `is_on_spark`: engine `spark` reads it.
    - `tells_place`: rows hold their file's place relative to `source.path`.
    """

    registry: ClassVar[dict[str, type[Format]]] = {}

    name: ClassVar[str]
    options: ClassVar[Options] = Options(FILES)
    tells_corrupt: ClassVar[bool] = False
    is_parsed: ClassVar[bool] = False
    is_versioned: ClassVar[bool] = False
    reads_empty: ClassVar[bool] = False
    is_on_spark: ClassVar[bool] = True
    tells_place: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            cls.registry[cls.name] = cls

    def listed(self, source: Source) -> Listing:
        """Find the shards, without a look into them. Raises SourceError for what is missing."""
        options = self.options.given(self.name, source.options)
        return list_shards(paths_of(source), options, self.given_schema(source) or {})

    def given_schema(self, source: Source) -> Schema | None:
        """The columns that `source.schema` gives, those of folders among them; None where there are none."""
        return ddl.parse(source.schema_) if source.schema_ else None

    @abstractmethod
    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        """Find the columns of the files; `given` by the user and `constants` of their folders are known.

        Raises ShardError for a shard that cannot be read or differs from the others, and SourceError.
        """

    @abstractmethod
    def scan(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], columns: Schema
    ) -> pl.LazyFrame:
        """The rows of shards, at least one, in order and in bounded memory.

        `schema` has the columns that the files and their folders tell, `columns` the same, then `CORRUPT` and
        `FILE` where these are asked for: the scan has all of them. What cannot be read fails the query.
        """

    def parts(self, shard: Shard, size: int) -> Iterator[Shard]:
        """The shard cut into parts of about so many bytes, for tasks to share; whole where a file cannot be cut."""
        yield shard

    @abstractmethod
    def read_through(self, shard: Shard, schema: Schema, options: Mapping[str, str]) -> None:
        """Read a shard to its end, to find out whether that can be done. Raises what the library raises."""

    def on_spark(self, spark: SparkSession, source: Source) -> Input:
        """The rows as a Spark frame. Raises SourceError for what is missing, unreadable or of another format."""
        from genspark.sources.spark_input import read_files

        return read_files(spark, source, self.name, self.options.for_spark(source.options))


class StreamedFormat(Format):
    """A format whose shards are read in frames, by code that runs in Python's thread: give it `frames`."""

    @abstractmethod
    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        """The rows of one shard in pieces of bounded size, with at least the columns needed (None: all).

        `schema` has the columns that stand in the file; `CORRUPT` may be needed where the format can tell.
        """

    def scan(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], columns: Schema
    ) -> pl.LazyFrame:
        def frames(needed: frozenset[str] | None) -> Iterator[pl.DataFrame]:
            return self.stream(shards, schema, options, frozenset(columns) if needed is None else needed)

        return lazy(frames, columns)

    def stream(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], needed: frozenset[str]
    ) -> Iterator[pl.DataFrame]:
        """The frames of all shards, one after another, with what their folders tell."""
        for shard in shards:
            told = folder_columns(shard, schema, needed)
            for frame in self.frames(shard, file_columns(shard, schema), options, needed):
                yield frame.with_columns(told)

    def read_through(self, shard: Shard, schema: Schema, options: Mapping[str, str]) -> None:
        for _ in self.frames(shard, schema, options, None):
            pass


def file_columns(shard: Shard, schema: Schema) -> Schema:
    """The columns that stand in the file."""
    return {name: dtype for name, dtype in schema.items() if name not in shard.constants}


def folder_columns(shard: Shard, schema: Schema, needed: frozenset[str]) -> list[pl.Expr]:
    """The columns needed that the file's folder and name tell."""
    told = [
        pl.lit(shard.constants[name], dtype=dtype).alias(name)
        for name, dtype in schema.items()
        if name in shard.constants and name in needed
    ]
    return [*told, pl.lit(file_uri(shard.path)).alias(FILE)] if FILE in needed else told


def require(module: str, package: str, name: str) -> None:
    """Raise SourceError where the package that a format needs is not installed."""
    if importlib.util.find_spec(module) is None:
        raise SourceError(f"source.format: {name} needs {package}: pip install 'genspark[{name}]'")
