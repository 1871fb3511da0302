"""The sink that a job's section `sink` asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from genspark import config
from genspark.sinks import delta_rs, parquet  # noqa: F401 - they register
from genspark.sinks.sink import FileSink, Sink

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def of_files(section: config.Sink, *, in_tasks: bool = False) -> FileSink:
    """The sink for files that are written already; `in_tasks`: by tasks, which may be tried twice."""
    return FileSink.registry[section.format](in_tasks=in_tasks)


def of_frames(
    section: config.Sink, spark: SparkSession, note: Callable[[str], None], place: str = "sink.path"
) -> Sink[DataFrame]:
    """The sink for a Spark frame, by the section's writer; `note` gets a line where `auto` takes Spark's own."""
    from genspark.sinks.arrow_tasks import ArrowTasks
    from genspark.sinks.auto import AutoWriter

    files = FileSink.registry[section.format](place, in_tasks=True)
    if section.writer == "arrow":
        return ArrowTasks(files)
    if section.writer == "delta":
        return files.by_spark(spark)
    return AutoWriter(spark, ArrowTasks(files), files.by_spark(spark), note)
