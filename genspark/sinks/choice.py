"""The sink that a job's section `sink` asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from genspark.sinks.formats import sink_of
from genspark.sinks.section import Section
from genspark.sinks.sink import FileSink, Sink

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def of_files(section: Section, *, in_tasks: bool = False) -> FileSink:
    """The sink for files that are written already; `in_tasks`: by tasks, which may be tried twice."""
    return sink_of(section.format)(in_tasks=in_tasks)


def of_frames(
    section: Section, spark: SparkSession, note: Callable[[str], None], place: str = "sink.path"
) -> Sink[DataFrame]:
    """The sink for a Spark frame, by the section's writer; `note` gets a line where `auto` takes Spark's own."""
    from genspark.sinks.on_spark.arrow_tasks import ArrowTasks
    from genspark.sinks.on_spark.auto import AutoWriter

    files = sink_of(section.format)(place, in_tasks=True)
    if section.writer == "arrow":
        return ArrowTasks(files)
    if section.writer == "delta":
        return files.by_spark(spark)
    return AutoWriter(spark, ArrowTasks(files), files.by_spark(spark), note)
