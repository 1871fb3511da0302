"""`Format`, the base of all source formats: how shards are listed, typed and read, with Polars and with Spark.

A new format is a file in `genspark/sources/formats/` with a subclass that has a `name`.
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
from genspark.sources.codecs import is_compressed
from genspark.sources.keeping import Keeper, Kept
from genspark.sources.listing import Listing, list_shards
from genspark.sources.numbering import numbered
from genspark.sources.options import FILES, Options
from genspark.sources.places import PLACE
from genspark.sources.shard import Shard
from genspark.sources.source import Source, paths_of
from genspark.storage.stores import file_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from genspark.sources.spark_input import Input

Schema = Mapping[str, pl.DataType]
"""Columns by name, in order."""

UNREADABLE = (OSError, ValueError, pl.exceptions.PolarsError)
"""The errors that libraries raise for a file that cannot be read: most of Arrow's are ValueErrors or OSErrors."""


@dataclass(frozen=True)
class Found:
    """The columns of shards, and the number of passes over the data that finding them took.

    `variants` numbers the different sets of types that files hold before these are made alike: shard's path ->
    number. A shard that is not in it has the variant 0. `kept` are the rows of shards that were kept on the way,
    `rows` the numbers of rows, by shard's path, that were met there.
    """

    columns: Schema
    passes: int = 0
    variants: Mapping[str, int] = field(default_factory=dict)
    kept: Kept = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)


class Format(ABC):
    """One source format. It has no state: an instance is pickled as the name of its class.

    The class attributes say what a job may expect of the format:

    - `options`: the options that are known without Spark, and their defaults.
    - `is_parsed`: reading is so costly that rows which later passes need are kept: see `sources/stage.py`.
    - `is_copied`: files of a store may be copied for a job that reads them several times: see `sources/copying.py`.
    - `infers`: where no schema is given, finding the columns takes a pass over the data, in which rows may be kept.
    - `tells_corrupt`: records that cannot be read are kept, their text in the column `CORRUPT`.
    - `is_versioned`: a table with versions, which `version` and `timestamp` choose; its files never change.
    - `reads_empty`: a file of no bytes has rows all the same.
    - `is_on_spark`: engine `spark` can read it.
    - `unpacks`: shards that are compressed as a whole are read.
    - `tells_place`: rows hold their file's path relative to `source.path`.
    - `holds_images`: a row is an image, its bytes in the column `image`; one that cannot be decoded keeps them.
    - `tells_bytes`: `METER` hears of the bytes of files as they are read.
    - `is_numbered_on_spark`: Spark knows which record of its file a row is. The Polars engines know it of every format.
    """

    registry: ClassVar[dict[str, type[Format]]] = {}

    name: ClassVar[str]
    options: ClassVar[Options] = Options(FILES)
    tells_corrupt: ClassVar[bool] = False
    is_parsed: ClassVar[bool] = False
    is_copied: ClassVar[bool] = False
    infers: ClassVar[bool] = False
    is_versioned: ClassVar[bool] = False
    reads_empty: ClassVar[bool] = False
    is_on_spark: ClassVar[bool] = True
    unpacks: ClassVar[bool] = False
    tells_place: ClassVar[bool] = False
    holds_images: ClassVar[bool] = False
    tells_bytes: ClassVar[bool] = False
    is_numbered_on_spark: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            cls.registry[cls.name] = cls

    def listed(self, source: Source) -> Listing:
        """List the shards without opening them. Raises SourceError for what is missing."""
        options = self.options.given(self.name, source.options)
        listing = list_shards(paths_of(source), options, self.given_schema(source) or {})
        packed = next((shard.path for shard in listing.shards if is_compressed(shard.path)), None)
        if packed and not self.unpacks:
            raise SourceError(f"{PLACE}: {packed}: {self.name} is not read from files compressed as a whole; unpack it")
        return listing

    def given_schema(self, source: Source) -> Schema | None:
        """Parse `source.schema`, which may name columns of folders too; None where it is not given."""
        return ddl.parse(source.schema_) if source.schema_ else None

    @abstractmethod
    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        """Find the columns of the files.

        `given` is the schema that the user gave, `constants` the columns of the files' folders. Raises ShardError for
        a shard that cannot be read or differs from the others, and SourceError for any other mistake.
        """

    def inferred(self, shards: Sequence[Shard], options: Mapping[str, str], keeper: Keeper | None) -> Found:
        """Find the columns of files without a given schema; with `infers`, `keeper` gets the rows of that pass."""
        return self.schema(shards, options, None, {})

    @abstractmethod
    def scan(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], columns: Schema
    ) -> pl.LazyFrame:
        """Scan shards, at least one: their rows in order, in bounded memory.

        `schema` has the columns of the files and of their folders. `columns`, which the scan returns, has the same,
        then `CORRUPT`, `FILE` and `RECORD` where these are asked for. A shard that cannot be read fails the query.
        """

    def rows(self, shards: Sequence[Shard]) -> int | None:
        """The number of rows of shards, where it is known of each without a look at its file."""
        each = [shard.rows if shard.size else 0 for shard in shards]
        known = [rows for rows in each if rows is not None]
        return sum(known) if len(known) == len(each) else None

    def parts(self, shard: Shard, size: int) -> Iterator[Shard]:
        """Cut the shard into parts of about `size` bytes, for tasks to share; it stays whole where it cannot be cut."""
        yield shard

    def column_sizes(self, shard: Shard) -> Mapping[str, int]:
        """The bytes of each column in a file, where `is_copied`. Raises one of `UNREADABLE`."""
        raise NotImplementedError

    @abstractmethod
    def read_through(self, shard: Shard, schema: Schema, options: Mapping[str, str]) -> None:
        """Read a shard to its end, to see whether it can be read. Raises what the library raises."""

    def on_spark(self, spark: SparkSession, source: Source) -> Input:
        """Read the source with Spark. Raises SourceError for what is missing, unreadable or of another format."""
        from genspark.sources.spark_input import read_files

        return read_files(spark, source, self.name, self.options.for_spark(source.options))


class StreamedFormat(Format):
    """A format whose shards Python code reads frame by frame. A subclass defines `frames`."""

    @abstractmethod
    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        """Read one shard in frames of bounded size, with at least the columns needed (None: all).

        `schema` has the columns that stand in the file; `CORRUPT` may be among the needed where `tells_corrupt`.
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
        """Read all shards, one after another, with the columns of their folders."""
        for shard in shards:
            constants = folder_columns(shard, schema, needed)
            for frame in numbered(self.frames(shard, file_columns(shard, schema), options, needed), needed):
                yield frame.with_columns(constants)

    def read_through(self, shard: Shard, schema: Schema, options: Mapping[str, str]) -> None:
        for _ in self.frames(shard, schema, options, None):
            pass


def file_columns(shard: Shard, schema: Schema) -> Schema:
    """The columns of a schema that stand in the file, not in the name of its folder."""
    return {name: dtype for name, dtype in schema.items() if name not in shard.constants}


def folder_columns(shard: Shard, schema: Schema, needed: frozenset[str]) -> list[pl.Expr]:
    """Expressions for the needed columns that come from the file's folder or path: its constants and `FILE`."""
    constants = [
        pl.lit(shard.constants[name], dtype=dtype).alias(name)
        for name, dtype in schema.items()
        if name in shard.constants and name in needed
    ]
    return [*constants, pl.lit(file_uri(shard.path)).alias(FILE)] if FILE in needed else constants


def uri_of_path(column: str, uris: Mapping[str, str]) -> pl.Expr:
    """The URI of the path in a column that Polars adds to a scan, one of the keys of `uris`; it keeps its name."""
    # By numbers: the path is one value for each batch, and stays that, as it does not where texts are replaced.
    values = list(dict.fromkeys(uris.values()))
    if len(values) < len(uris):
        return pl.col(column).replace_strict(list(uris), list(uris.values()), return_dtype=pl.String())
    return pl.col(column).cast(pl.Enum(list(uris))).to_physical().cat.to(pl.Enum(values)).cast(pl.String)


def require(module: str, package: str, name: str) -> None:
    """Raise SourceError where the package that the format `name` needs is not installed."""
    if importlib.util.find_spec(module) is None:
        raise SourceError(f"source.format: {name} needs {package}: pip install 'genspark[{name}]'")
