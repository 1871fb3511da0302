"""A job on Spark's tasks with Polars inside: Spark schedules, Polars works, the driver merges and commits."""

from __future__ import annotations

import contextlib
import importlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

from genspark.engines.spark.tasks import TaskError, run_tasks
from genspark.errors import GensparkError
from genspark.job.progress import Progress
from genspark.job.runners.failure import failure, with_kind
from genspark.job.runners.polars import PolarsRunner
from genspark.job.runners.sharing import unshared
from genspark.job.runners.work import WriteWork
from genspark.job.snapshot import Snapshot
from genspark.session import get_spark, settled, slots, task_progress
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.on_spark.merging import merged, refuse_unseen
from genspark.sinks.on_spark.row_ids import in_files
from genspark.sinks.sink import Files
from genspark.sources import Dataset

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Result = TypeVar("Result")

SMALLEST_TASK, SMALLEST_WRITE = 1 << 20, 32 << 20
PARTITIONS_A_TASK = 8
"""Partition values that a task is taken to meet, for the size of the files it writes."""


def ready(_: int, __: int) -> None:
    """Check in a worker that it can import what the work needs."""
    importlib.import_module("genspark.job.runners.work")


@dataclass
class SparkPolarsRunner(PolarsRunner):
    """Cuts the shards into tasks by bytes. Uses `session`, or the active session, or starts one."""

    session: SparkSession | None = None
    spark: SparkSession = field(init=False)

    name: ClassVar[str] = "spark-polars"
    in_tasks: ClassVar[bool] = True

    def start(self) -> None:
        self.spark = self.session or get_spark(self.config.name)
        # The workers' Python and Polars start with the session, all at once, and tell what they lack.
        run_tasks(self.spark, ready, list(range(slots(self.spark))))

    def snapshot(self) -> Snapshot:
        found = super().snapshot()
        warning = unshared(((file.uri, file.size or 0) for file in found.files), slots(self.spark))
        if warning:
            self.note(warning)
        return found

    def _reaches_stage(self, where: str) -> bool:
        # A folder that is named is taken to be on a disk that all machines share.
        return where != "auto" or str(self.spark.conf.get("spark.master", "") or "").startswith("local")

    def watch(self, progress: Progress) -> contextlib.AbstractContextManager[None]:
        return task_progress(self.spark, progress.tasks)

    def _each(self, work: Callable[[Dataset, int], Result], dataset: Dataset, by_bytes: int | None) -> list[Result]:
        tasks = self._tasks(dataset, by_bytes) or [dataset]
        try:
            with settled(self.spark) if by_bytes else contextlib.nullcontext():
                return run_tasks(self.spark, work, tasks)
        except TaskError as error:
            raise self._failure(error, tasks) from None

    def _merged(self, files: list[WrittenFile], work: WriteWork) -> list[WrittenFile]:
        refuse_unseen(files, work.folder)
        return merged(self.spark, files, work.folder, work.layout)

    def _shared_in(self, folder: str, rows: Files) -> int | None:
        return in_files(self.spark, folder, rows)

    def _tasks(self, dataset: Dataset, by_bytes: int | None) -> list[Dataset]:
        try:
            return [dataset.with_shards(shards) for shards in dataset.split(self._task_size(dataset, by_bytes))]
        except (OSError, ValueError) as error:
            # To be cut, a Parquet file must be looked at.
            raise failure(error, with_kind(error), dataset, self.config.sink.path) from error

    def _task_size(self, dataset: Dataset, file_bytes: int | None) -> int:
        """The bytes of a task: every slot gets work if there is enough, and files are no smaller than configured."""
        # A little more than a slot's share, or shards that differ by a byte would make a task too many.
        share = math.ceil(1.05 * sum(shard.size for shard in dataset.shards) / slots(self.spark))
        most = self.config.source.split_size
        if file_bytes is None:
            return min(most, max(share, SMALLEST_TASK))
        # A task writes a file into every partition that it meets; memory does not grow with its size.
        values = PARTITIONS_A_TASK if self.config.sink.partition_by else 1
        return min(file_bytes * values, max(share, min(most, SMALLEST_WRITE)))

    def _failure(self, error: TaskError, tasks: list[Dataset]) -> GensparkError:
        if error.task is None:
            return GensparkError(f"engine: {self.name}: {error.cause}")
        explained = failure(error, error.cause, tasks[error.task], self.config.sink.path)
        if type(explained) is GensparkError and re.search(r"No such file|not found|Permission denied", error.cause):
            return GensparkError(
                f"{explained}; it can be read here: see that Spark's workers reach it, or set engine: polars"
            )
        return explained
