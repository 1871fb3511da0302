"""The files of a source as Spark reads it, and the states of each from one grouped pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from genspark.columns.hashing import SPARK_SEED, hash_bytes
from genspark.config import Source
from genspark.engines.fate import FILE
from genspark.engines.spark.engine import SparkEngine
from genspark.engines.spark.fate import readable
from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import wrapped
from genspark.errors import PlanError, SourceError
from genspark.job.states import SourceFile, normal
from genspark.pipeline.passes import FitPass
from genspark.sources.formats import format_of
from genspark.sources.listing import list_shards
from genspark.sources.places import PLACE, at_source
from genspark.sources.source import named, paths_of
from genspark.sources.spark_input import Input
from genspark.statistics import State, Statistic
from genspark.statistics.base import grouped
from genspark.storage.stores import absolute, file_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def without(source: Source, left_out: Iterable[str], passed_over: Iterable[str] = ()) -> Source:
    """The source without some of its shards: `left_out` are paths or URIs, `passed_over` URIs.

    Raises SourceError where none is left.
    """
    gone = {*(file_uri(absolute(path)) for path in left_out), *passed_over}
    if not gone:
        return source
    options = format_of(source.format).options.for_spark(source.options)
    with at_source():
        shards = list_shards(paths_of(source), options, {}).shards
    if any(shard.constants for shard in shards):
        raise SourceError(f"{PLACE}: a shard in a Hive folder cannot be left out on engine spark; engine: polars can")
    kept = [shard.path for shard in shards if file_uri(shard.path) not in gone]
    if not kept:
        raise SourceError(f"{PLACE}: no shard of {named(source)} can be read")
    return source.model_copy(update={"path": kept})


def uris(spark: SparkSession, source: Source, given: Input) -> dict[SourceFile, str]:
    """The files of the source, each with the URI that Spark writes for it.

    Raises PlanError where Spark cannot read some of the files alone, and SourceError where they change at this moment.
    """
    if given.not_alone:
        raise PlanError(
            f"engine: spark cannot keep the statistics of each file: {given.not_alone}; set engine: polars or "
            "spark-polars, or fit without --update"
        )
    files = listed(spark, source)
    refuse_others(given, files)
    return files


def refuse_others(given: Input, files: Iterable[SourceFile]) -> None:
    """Raise SourceError where the frame reads other files than these."""
    if {normal(uri) for uri in given.frame.inputFiles()} != {file.uri for file in files}:
        raise SourceError(f"{PLACE}: its files changed while they were listed; run again")


def states(
    frame: DataFrame, fit_pass: FitPass, files: Mapping[SourceFile, str], *, is_all: bool
) -> dict[SourceFile, dict[Statistic, State]]:
    """The states of a pass for each of these files, in one job grouped by file; `is_all`: the source has no others."""
    F = functions()
    path = F.col("_metadata.file_path")
    # By its name Spark passes over a file before it opens it.
    frame = frame if is_all else frame.filter(path.isin(list(files.values())))
    # A number, since every row takes it to the tasks' Python.
    frame = frame.withColumn(FILE, F.xxhash64(path))
    numbers = hash_bytes(list(files.values()), SPARK_SEED).view(np.int64).tolist()
    by_file = {s: s.on(s.columns, (*s.by, FILE)) for s in fit_pass.statistics}
    by_file_pass = replace(fit_pass, statistics=tuple(by_file.values()))
    # Gathered and not scanned: Spark SQL's own mean is a sum, and merging would show how it was rounded.
    wide_states = by_file_pass.gather(SparkEngine(), wrapped(readable(frame))).states()
    apart = {statistic: _apart(statistic, wide_states[wide]) for statistic, wide in by_file.items()}
    return {
        file: {statistic: some.get(number) or _nothing(statistic) for statistic, some in apart.items()}
        for file, number in zip(files, numbers, strict=True)
    }


def _apart(statistic: Statistic, state: State) -> dict[int, State]:
    """Split the state of a statistic whose groups end with a file's number into the state of each file."""
    groups: dict[int, dict[tuple[object, ...], State]] = {}
    for group in state["groups"]:
        *key, number = group["by"]
        groups.setdefault(number, {})[tuple(key)] = group["state"]
    return {number: grouped(some) if statistic.by else some[()] for number, some in groups.items()}


def _nothing(statistic: Statistic) -> State:
    """The state of a file without any row to learn from."""
    return grouped({}) if statistic.by else statistic.empty()


def listed(spark: SparkSession, source: Source) -> dict[SourceFile, str]:
    """The files of the source, each with the URI that Spark writes for it, without opening one."""
    F = functions()
    options = {name: str(value) for name, value in source.options.items()}
    # The same listing as of the source's format, and no file is opened: only names, sizes and times are asked for.
    files = spark.read.format("binaryFile").options(**options).load(paths_of(source))
    metadata = files.select(
        "_metadata.file_path", "_metadata.file_size", F.unix_millis("_metadata.file_modification_time")
    )
    return {SourceFile(normal(uri), size, modified): uri for uri, size, modified in metadata.collect()}
