"""The rows that Spark reads from a source, and the helpers that formats share for reading with Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genspark.columns import hashing
from genspark.engines.fate import CORRUPT, FILE, RECORD
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.functions import functions
from genspark.errors import SourceError
from genspark.sources.codecs import refuse_on_spark
from genspark.sources.places import PLACE
from genspark.sources.source import Source, description_of, named, paths_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class Input:
    """The rows, their description for the model and the commit, and the number of passes already made over the data.

    Where the format keeps corrupt records, `frame` has the column `CORRUPT`: the text of a record that could not be
    read, null for every other row. It has `FILE` and `RECORD` where Spark's metadata does not tell them. `not_alone` is
    the reason why Spark cannot read some of the files without the others, None where it can.
    """

    frame: DataFrame
    description: Mapping[str, Any]
    passes: int = 0
    not_alone: str | None = None

    def with_origin(self, *, record: bool = False) -> DataFrame:
        """The rows with their file's URI in `FILE`, and with `RECORD` where that is asked for, and known on Spark."""
        told = {FILE: as_file_uri("_metadata.file_path")}
        if record:
            told[RECORD] = functions().col("_metadata.row_index")
        lacking = {name: of for name, of in told.items() if name not in self.frame.columns}
        # Connect takes no call without a column.
        return self.frame.withColumns(lacking) if lacking else self.frame

    def with_place(self) -> DataFrame:
        """The rows with the hash of their file and record in `hashing.PLACE`: where Spark numbers records."""
        origin = self.with_origin(record=True)
        F = functions()
        placed = origin.withColumn(hashing.PLACE, F.xxhash64(FILE, RECORD))
        return placed.drop(*(name for name in (FILE, RECORD) if name not in self.frame.columns))

    @property
    def tells_corrupt(self) -> bool:
        """Whether the text of records that cannot be read is kept in `CORRUPT`."""
        return CORRUPT in self.frame.columns


def as_file_uri(column: str) -> Column:
    """Hadoop's URI of a file in the one form that other engines know: it writes local files and S3 in several."""
    F = functions()
    uri: Column = F.regexp_replace(F.regexp_replace(column, "^file:/(?!/)", "file:///"), "^s3[an]://", "s3://")
    return uri


def read_files(spark: SparkSession, source: Source, reader_name: str, options: Mapping[str, str]) -> Input:
    """Read the files with Spark's reader of that name. Raises SourceError where they have no column."""
    reader = spark.read.format(reader_name).options(**options)
    if source.schema_:
        reader = reader.schema(parsed(spark, source.schema_))
    frame = reader.load(paths_of(source))
    if not frame.columns:
        raise SourceError(f"{PLACE}: {named(source)} has no column; check that it holds {source.format}")
    return Input(frame, described(source, frame))


def parsed(spark: SparkSession, ddl: str) -> StructType:
    """Parse a schema given as DDL. Raises SourceError where it is not DDL."""
    with spark_errors(f"source.schema: {ddl!r} is not DDL such as 'fare double, pickup timestamp'", SourceError):
        # Through a frame, since only Spark parses DDL.
        return spark.createDataFrame([], ddl).schema


def described(source: Source, frame: DataFrame) -> dict[str, Any]:
    """Describe the files of a frame, for the model and the commit. Raises SourceError for one that Spark misreads."""
    files = frame.inputFiles()
    refuse_on_spark(files)
    return description_of(source, files)
