"""Spark's tasks without Spark: as much of a session as `run_tasks` asks for, which runs the tasks in this process.

What a task is made of and what it gives is pickled as on the way to a worker and back, so that what does not travel
fails here as it does there. A task that fails is not tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from pyspark import TaskContext, cloudpickle
from pyspark.errors import PySparkException

Serve = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class Session:
    """The session of one executor with two slots."""

    conf = {"spark.master": "local[2]"}

    def range(self, start: int, end: int, step: int, partitions: int) -> Numbers:
        assert partitions == end - start, "a task has a partition of its own"
        return Numbers(range(start, end, step))


class Numbers:
    """A frame of one row a partition, of which only `mapInArrow` is known."""

    def __init__(self, numbers: range, serve: bytes = b"") -> None:
        self._numbers, self._serve = numbers, serve

    def mapInArrow(self, serve: Serve, schema: str) -> Numbers:  # noqa: N802 - Spark's name
        return Numbers(self._numbers, cloudpickle.dumps(serve))

    def collect(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for number in self._numbers:
            serve = cloudpickle.loads(self._serve)
            # As a worker tells a task its number.
            TaskContext._getOrCreate()._partitionId = number
            try:
                for batch in serve(iter([pa.record_batch({"id": pa.array([number])})])):
                    rows += batch.to_pylist()
            except Exception as error:
                raise PySparkException(f"{type(error).__name__}: {error}") from error
            finally:
                TaskContext._taskContext = None
        return rows
