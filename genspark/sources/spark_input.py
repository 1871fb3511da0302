"""What Spark reads of a source, and what all formats share in reading it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genspark.engines.fate import CORRUPT
from genspark.engines.spark.errors import spark_errors
from genspark.errors import SourceError
from genspark.sources.places import PLACE
from genspark.sources.source import Source, named, paths_of
from genspark.storage.files import stamp

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class Input:
    """What was found: rows, a description for the model and the commit, and passes already made.

    Where the format can tell, `frame` has the column `CORRUPT`: the text of a record that could not be read,
    null for every other row. `knows_files`: whether Spark can tell which file a row is from; `not_alone`: why it
    cannot read some of the files alone, None where it can.
    """

    frame: DataFrame
    description: Mapping[str, Any]
    passes: int = 0
    knows_files: bool = True
    not_alone: str | None = None

    @property
    def tells_corrupt(self) -> bool:
        """Whether records that cannot be read are kept in `CORRUPT`."""
        return CORRUPT in self.frame.columns


def read_files(spark: SparkSession, source: Source, reader_name: str, options: Mapping[str, str]) -> Input:
    """What the reader of that name makes of the files. Raises SourceError where they have no column."""
    reader = spark.read.format(reader_name).options(**options)
    if source.schema_:
        reader = reader.schema(parsed(spark, source.schema_))
    frame = reader.load(paths_of(source))
    if not frame.columns:
        raise SourceError(f"{PLACE}: {named(source)} has no column; check that it holds {source.format}")
    return Input(frame, described(source, frame))


def parsed(spark: SparkSession, ddl: str) -> StructType:
    """A schema given as DDL. Raises SourceError where it is none."""
    with spark_errors(f"source.schema: {ddl!r} is not DDL such as 'fare double, pickup timestamp'", SourceError):
        # Through a frame, since only Spark parses DDL.
        return spark.createDataFrame([], ddl).schema


def described(source: Source, frame: DataFrame) -> dict[str, Any]:
    """Where the rows came from; the version is a digest of the files' names, sizes and times where these are known."""
    files = sorted(frame.inputFiles())
    digest = hashlib.sha256("\n".join(f"{file} {stamp(file)}" for file in files).encode()).hexdigest()
    return {"path": source.path, "format": source.format, "files": len(files), "version": digest[:16]}
