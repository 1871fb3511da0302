"""The files that Spark's tasks wrote, merged by more tasks where there are more than their sizes ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from genspark.engines.spark.tasks import run_tasks
from genspark.session import settled
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.merging import MergeWork, merges
from genspark.sinks.files.written import WrittenFile
from genspark.storage.files import storage_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def merged(spark: SparkSession, files: Sequence[WrittenFile], folder: str, layout: Layout) -> list[WrittenFile]:
    """The run's files, merged. What was merged stays for `Sink.sweep` to delete. Raises what `run_tasks` raises."""
    every = merges(files, layout)
    if not every:
        return list(files)
    work = MergeWork(storage_path(folder), layout)
    with settled(spark):
        new = run_tasks(spark, work, every)
    gone = {file.path for some in every for file in some}
    return sorted([*(file for file in files if file.path not in gone), *new], key=lambda file: file.path)
