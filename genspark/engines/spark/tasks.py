"""Python work in Spark's tasks: on pickled descriptions of work, or on the rows of a frame.

All of it runs in `mapInArrow`, so on classic and on Connect sessions. What travels is pickled: functions of
genspark by name, so the workers need genspark and Polars too.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from genspark.engines.spark.names import numbered
from genspark.errors import GensparkError, SessionError, first_line
from genspark.storage import access
from genspark.storage.access import Access

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Task = TypeVar("Task")
Result = TypeVar("Result")

RowsWork = Callable[[Iterator["pa.Table"], int], Result]
"""(the task's rows, table by table; the task's number) -> its result."""

SCHEMA = "task long, result binary"

TABLE_BYTES = 16 << 20
"""What a task takes in at once. Spark's batches have 10,000 rows, however narrow: too few to be worth a call."""


class TaskError(Exception):
    """A task that failed for good: its number (None where it is not known), and the cause in one line."""

    def __init__(self, task: int | None, cause: str) -> None:
        super().__init__(cause)
        self.task, self.cause = task, cause


def run_tasks(spark: SparkSession, work: Callable[[Task, int], Result], tasks: Sequence[Task]) -> list[Result]:
    """The result of `work(task, number)` for every task, in the order of the tasks.

    Raises the GensparkError that a task raised, SessionError where the workers lack a package, and
    TaskError for whatever else ended a task after Spark's retries.
    """
    from pyspark.errors import PySparkException

    described = [pickle.dumps(task) for task in tasks]

    def run(tables: Iterator[pa.Table], _: int) -> list[tuple[int, Result]]:
        numbers = [number for table in tables for number in table.column(0).to_pylist()]
        return [(number, work(pickle.loads(described[number]), number)) for number in numbers]  # noqa: S301

    try:
        # A range of one row a task.
        each = _results(spark, spark.range(0, len(tasks), 1, len(tasks)), ["id"], run)
    except PySparkException as error:
        raise _failure(str(error)) from None
    except GensparkError:
        raise
    except Exception as error:
        # Py4J's own, where the JVM says more than PySpark can read.
        if type(error).__name__ != "Py4JJavaError":
            raise
        raise _failure(str(error)) from None
    results = dict(pair for pairs in each for pair in pairs)
    return [results[number] for number in range(len(tasks))]


def run_on_rows(frame: DataFrame, work: RowsWork[Result]) -> list[Result]:
    """The result of `work(tables, number)` for each of the frame's tasks, in order; tables hold about `TABLE_BYTES`.

    There may be no task at all for a frame without rows. Raises the GensparkError that a task raised, and
    what Spark raises where a task ended otherwise.
    """
    return _results(frame.sparkSession, numbered(frame, frame.columns), frame.columns, work)


def _results(spark: SparkSession, frame: DataFrame, columns: list[str], work: RowsWork[Result]) -> list[Result]:
    """The results of `work` in the tasks of a frame, whose columns it sees under these names."""
    from pyspark import cloudpickle

    cores = str(spark.conf.get("spark.task.cpus", "1") or "1")
    # In bytes, or the worker would import what it needs, Polars too, before `serve` is called.
    pickled = cloudpickle.dumps(work)  # type: ignore[no-untyped-call]
    stores = access.current()

    def serve(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import os

        # Before Polars is imported: a task has so many cores, and others have theirs.
        os.environ.setdefault("POLARS_MAX_THREADS", cores)
        from genspark.engines.spark.tasks import served

        yield served(pickled, batches, columns, stores)

    rows = frame.mapInArrow(serve, SCHEMA).collect()
    results = [pickle.loads(row["result"]) for row in sorted(rows, key=lambda row: row["task"])]  # noqa: S301 - ours
    for result in results:
        if isinstance(result, GensparkError):
            raise result
    return results


def served(pickled: bytes, batches: Iterator[pa.RecordBatch], columns: list[str], stores: Access) -> pa.RecordBatch:
    """A task's number and its result on batches of these columns, or a GensparkError, which no retry would mend.

    `stores`: how the driver reaches stores, whose environment a worker has not.
    """
    import pyarrow as pa
    from pyspark import TaskContext

    context = TaskContext.get()
    number = context.partitionId() if context else 0
    try:
        work = pickle.loads(pickled)  # noqa: S301 - our own driver made it
        with access.replaced(stores):
            result = work((table.rename_columns(columns) for table in _tables(batches)), number)
    except GensparkError as error:
        result = error
    except Exception as error:
        raise RuntimeError(f"[genspark task {number}] {type(error).__name__}: {error}") from error
    sent = [pa.array([number], pa.int64()), pa.array([pickle.dumps(result)], pa.binary())]
    return pa.record_batch(sent, names=["task", "result"])


def cause_in_task(message: str) -> str | None:
    """The cause that ended a task's own work, from a message of Spark; None where something else ended the task."""
    marked = _MARKED.search(message)
    return marked[2] if marked else None


_MARKED = re.compile(r"\[genspark task (\d+)\] (.*)")


def _tables(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows of the batches in tables of a size that is worth the calls; none is empty."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if batch.num_rows:
            held.append(batch)
            size += batch.nbytes
        if size >= TABLE_BYTES:
            yield pa.Table.from_batches(held)
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _failure(message: str) -> Exception:
    absent = re.search(r"ModuleNotFoundError: No module named '(\w+)", message)
    if absent:
        return SessionError(
            f"engine: spark-polars: Spark's workers have no package {absent[1]!r}; install genspark where they "
            "run (or send it with spark-submit --py-files / --archives), or set engine: spark"
        )
    marked = _MARKED.search(message)
    if marked:
        return TaskError(int(marked[1]), marked[2])
    number = re.search(r"[Tt]ask (\d+)(?:\.\d+)? in stage", message)
    died = re.search(r"exited unexpectedly|ExecutorLostFailure|exit code 137|OutOfMemory|killed", message)
    killed = "its worker was killed, most likely for want of memory: give the workers more, or lower source.split_size"
    cause = killed if died else first_line(message)
    return TaskError(int(number[1]) if number else None, cause)
