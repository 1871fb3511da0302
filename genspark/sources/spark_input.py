"""The rows that Spark reads from a source, and the helpers that formats share for reading with Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genspark.engines.fate import CORRUPT, FILE
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.functions import functions
from genspark.errors import SourceError
from genspark.sources.places import PLACE
from genspark.sources.source import Source, description_of, named, paths_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class Input:
    """The rows, their description for the model and the commit, and the number of passes already made over the data.

    Where the format keeps corrupt records, `frame` has the column `CORRUPT`: the text of a record that could not be
    read, null for every other row. `knows_files` says whether Spark knows which file a row is from. `not_alone` is
    the reason why Spark cannot read some of the files without the others, None where it can.
    """

    frame: DataFrame
    description: Mapping[str, Any]
    passes: int = 0
    knows_files: bool = True
    not_alone: str | None = None

    @property
    def with_file(self) -> DataFrame:
        """The rows with their file's URI in `FILE`, where that is known."""
        if not self.knows_files:
            return self.frame
        # Hadoop writes a local file's URI in two ways, and S3's as it was given; other engines know one.
        F = functions()
        uri = F.regexp_replace("_metadata.file_path", "^file:/(?!/)", "file:///")
        return self.frame.withColumn(FILE, F.regexp_replace(uri, "^s3[an]://", "s3://"))

    @property
    def tells_corrupt(self) -> bool:
        """Whether the text of records that cannot be read is kept in `CORRUPT`."""
        return CORRUPT in self.frame.columns


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
    """Describe the files of a frame, for the model and the commit."""
    return description_of(source, frame.inputFiles())
