"""Raw shards as a Spark DataFrame, with what could not be read kept beside the rest."""

from __future__ import annotations

import functools
import hashlib
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genspark.config import Source
from genspark.engines.fate import CORRUPT
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.names import quoted
from genspark.errors import SourceError
from genspark.session import qualified
from genspark.sources.formats.spark_images import read_images
from genspark.sources.listing import list_shards
from genspark.storage.files import stamp
from genspark.storage.stores import absolute, file_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

PLACE = "source.path"
TELLS_CORRUPT = ("csv", "json")
CORRUPT_OPTION = "_corrupt_record"
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "csv": {"header": "true", "inferSchema": "true"},
    "images": {"recursiveFileLookup": "true"},
}


@dataclass(frozen=True)
class Input:
    """What was found: rows, a description for the model and the commit, and passes already made.

    Where the format can tell, `frame` has the column `CORRUPT`: the text of a record that could not be
    read, null for every other row. `knows_files`: whether Spark can tell which file a row is from.
    """

    frame: DataFrame
    description: Mapping[str, Any]
    passes: int = 0
    knows_files: bool = True

    @property
    def tells_corrupt(self) -> bool:
        """Whether records that cannot be read are kept in `CORRUPT`."""
        return CORRUPT in self.frame.columns


def read(spark: SparkSession, source: Source) -> Input:
    """Find the shards and their schema. Raises SourceError for what is missing, unreadable or not `format`.

    Reads no data, but for the pass that infers the types of csv and json.
    """
    with spark_errors(PLACE, SourceError):
        if source.format == "delta":
            return _delta(spark, source)
        if source.format == "images":
            frame = read_images(spark, _paths(source), _options(source))
            return Input(frame, _description(source, frame), knows_files=False)
        frame, passes = _files(spark, source)
        _refuse_empty(source, frame)
        return Input(frame, _description(source, frame), passes)


def without(source: Source, left_out: Iterable[str]) -> Source:
    """The source without some of its shards, named as URIs or local paths. Raises SourceError where none is left."""
    gone = {file_uri(absolute(path)) for path in left_out}
    if not gone:
        return source
    shards = list_shards(_paths(source), _options(source), {})
    if any(shard.constants for shard in shards):
        raise SourceError(f"{PLACE}: a shard in a Hive folder cannot be left out on engine spark; engine: polars can")
    kept = [shard.path for shard in shards if file_uri(shard.path) not in gone]
    if not kept:
        raise SourceError(f"{PLACE}: no shard of {_named(source)} can be read")
    return source.model_copy(update={"path": kept})


def _files(spark: SparkSession, source: Source) -> tuple[DataFrame, int]:
    options = _options(source)
    reader = spark.read.format(source.format).options(**options)
    if source.format not in TELLS_CORRUPT:
        frame = (reader.schema(_parsed(spark, source.schema_)) if source.schema_ else reader).load(_paths(source))
        return frame, 0
    if source.schema_:
        schema, passes = _parsed(spark, source.schema_), 0
    else:
        schema, passes = reader.load(_paths(source)).schema, 1
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType, StructField, StructType

    known = [f for f in schema.fields if f.name != CORRUPT_OPTION]
    if not known:
        raise SourceError(f"{PLACE}: no record of {_named(source)} could be read as {source.format}; check the format")
    told = StructType([*known, StructField(CORRUPT_OPTION, StringType())])
    steady = {"columnNameOfCorruptRecord": CORRUPT_OPTION, "mode": "PERMISSIVE", "columnPruning": "false"}
    frame = spark.read.format(source.format).options(**{**options, **steady}).schema(told).load(_paths(source))
    # Every pass must judge a record alike, and Spark judges only the columns it needs: so each is
    # needed, by a metric that nobody reads.
    any_null = functools.reduce(operator.or_, (F.col(quoted(field.name)).isNull() for field in known))
    frame = frame.withColumnRenamed(CORRUPT_OPTION, CORRUPT)
    return frame.observe("genspark_whole_records", F.count_if(any_null).alias("with_null")), passes


def _parsed(spark: SparkSession, ddl: str) -> StructType:
    with spark_errors(f"source.schema: {ddl!r} is not DDL such as 'fare double, pickup timestamp'", SourceError):
        # Through a frame, since only Spark parses DDL.
        return spark.createDataFrame([], ddl).schema


def _delta(spark: SparkSession, source: Source) -> Input:
    options = _options(source)
    if source.timestamp is not None:
        options["timestampAsOf"] = source.timestamp
    reads = []
    versions = []
    for path in (qualified(spark, path) for path in _paths(source)):
        version = source.version
        if version is None and source.timestamp is None:
            # Pinned, so that every pass reads the same rows while others write.
            version = spark.sql(f"DESCRIBE HISTORY delta.{quoted(path)} LIMIT 1").first()["version"]  # type: ignore[index]
        pin = {} if version is None else {"versionAsOf": str(version)}
        reads.append(spark.read.format("delta").options(**options, **pin).load(path))
        versions.append(version)
    frame = reads[0]
    for other in reads[1:]:
        frame = frame.unionByName(other)
    described = {"path": source.path, "format": "delta", "timestamp": source.timestamp}
    return Input(frame, {**described, "version": versions[0] if len(versions) == 1 else versions})


def _paths(source: Source) -> list[str]:
    return [source.path] if isinstance(source.path, str) else list(source.path)


def _options(source: Source) -> dict[str, str]:
    given = {name: _text(value) for name, value in source.options.items()}
    return {**DEFAULTS.get(source.format, {}), **given}


def _description(source: Source, frame: DataFrame) -> dict[str, Any]:
    """Where the rows came from; the version is a digest of the files' names, sizes and times where these are known."""
    files = sorted(frame.inputFiles())
    digest = hashlib.sha256("\n".join(f"{file} {stamp(file)}" for file in files).encode()).hexdigest()
    return {"path": source.path, "format": source.format, "files": len(files), "version": digest[:16]}


def _refuse_empty(source: Source, frame: DataFrame) -> None:
    if not frame.columns:
        raise SourceError(f"{PLACE}: {_named(source)} has no column; check that it holds {source.format}")


def _named(source: Source) -> str:
    return ", ".join(_paths(source)[:3]) + (", ..." if len(_paths(source)) > 3 else "")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
