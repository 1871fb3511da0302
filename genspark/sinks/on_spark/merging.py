"""The files that Spark's tasks wrote, merged by more tasks where there are more than their sizes ask for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from genspark.engines.spark.tasks import run_tasks
from genspark.errors import SinkError
from genspark.session import settled
from genspark.session.shared import SHARED, is_shared
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.merging import MergeWork, merges
from genspark.sinks.files.written import WrittenFile
from genspark.storage.files import local, storage_path

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


def refuse_unseen(files: Sequence[WrittenFile], folder: str) -> None:
    """Raise SinkError where a file that a worker wrote in a shared folder is not seen here: no commit may name it."""
    absent = [file.path for file in files if is_shared(folder) and not os.path.exists(f"{local(folder)}/{file.path}")]
    if absent:
        raise SinkError(
            f"sink.path: a worker wrote {absent[0]}, and it is not in {folder} here: the folder is not shared by all "
            f"machines, though {SHARED} says so; give a path that all reach"
        )
