"""Work done in Spark's tasks by our own Python: one task for each description, one result from each.

`mapInArrow` over a range of one row a task, so that it runs on classic and on Connect sessions. What
travels is pickled: functions of genspark by name, so the workers need genspark and Polars too.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from genspark.errors import GensparkError, SessionError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

Task = TypeVar("Task")
Result = TypeVar("Result")

SCHEMA = "task long, result binary"


class TaskError(Exception):
    """A task that failed for good: its number, and what was said. Number None: not known which."""

    def __init__(self, task: int | None, told: str) -> None:
        super().__init__(told)
        self.task, self.told = task, told


def run_tasks(spark: SparkSession, work: Callable[[Task, int], Result], tasks: Sequence[Task]) -> list[Result]:
    """The result of `work(task, number)` for every task, in the order of the tasks.

    Raises the GensparkError that a task raised, SessionError where the workers lack a package, and
    TaskError for whatever else ended a task after Spark's retries.
    """
    from pyspark.errors import PySparkException

    cores = str(spark.conf.get("spark.task.cpus", "1") or "1")
    described = [pickle.dumps(task) for task in tasks]

    def serve(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os

        # Before Polars is imported: a task has so many cores, and others have theirs.
        os.environ.setdefault("POLARS_MAX_THREADS", cores)
        import pyarrow as pa

        from genspark.engines.spark.tasks import outcome

        for batch in batches:
            for number in batch.column(0).to_pylist():
                result = outcome(work, described[number], number)
                columns = [pa.array([number], pa.int64()), pa.array([result], pa.binary())]
                yield pa.record_batch(columns, names=["task", "result"])

    frame = spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(serve, SCHEMA)
    try:
        rows = frame.collect()
    except PySparkException as error:
        raise _failure(str(error)) from None
    except Exception as error:
        # Py4J's own, where the JVM says more than PySpark can read.
        if type(error).__name__ != "Py4JJavaError":
            raise
        raise _failure(str(error)) from None
    results = {row["task"]: pickle.loads(row["result"]) for row in rows}  # noqa: S301 - our own tasks made them
    for number in range(len(tasks)):
        if isinstance(results[number], GensparkError):
            raise results[number]
    return [results[number] for number in range(len(tasks))]


def outcome(work: Callable[[Any, int], Any], described: bytes, number: int) -> bytes:
    """What a task sends back: its result, or an error of ours, which no retry would mend."""
    try:
        result = work(pickle.loads(described), number)  # noqa: S301 - our own driver made it
    except GensparkError as error:
        result = error
    except Exception as error:
        raise RuntimeError(f"[genspark task {number}] {type(error).__name__}: {error}") from error
    return pickle.dumps(result)


def _failure(told: str) -> Exception:
    absent = re.search(r"ModuleNotFoundError: No module named '(\w+)", told)
    if absent:
        return SessionError(
            f"engine: spark-polars: Spark's workers have no package {absent[1]!r}; install genspark where they "
            "run (or send it with spark-submit --py-files / --archives), or set engine: spark"
        )
    marked = re.search(r"\[genspark task (\d+)\] (.*)", told)
    if marked:
        return TaskError(int(marked[1]), marked[2])
    number = re.search(r"[Tt]ask (\d+)(?:\.\d+)? in stage", told)
    died = re.search(r"exited unexpectedly|ExecutorLostFailure|exit code 137|OutOfMemory|killed", told)
    killed = "its worker was killed, most likely for want of memory: give the workers more, or lower source.split_size"
    why = killed if died else told.strip().partition("\n")[0]
    return TaskError(int(number[1]) if number else None, why)
