"""Statistics that Spark SQL cannot aggregate: gathered from Arrow batches in the tasks, merged in the driver.

What gathers them is what gathers them on Polars, so the two engines agree. Runs on classic and Connect sessions.
"""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from genspark.engines.polars.scan import finished, gatherer, merged
from genspark.engines.spark.names import numbered
from genspark.errors import GensparkError
from genspark.statistics import State, Statistic

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Parts = dict[Statistic, State]

BATCH_BYTES = 16 << 20
"""What a task takes in at once."""


def scan_arrow(frame: DataFrame, statistics: Sequence[Statistic]) -> dict[Statistic, State]:
    """The states of statistics that share `by`, in one job."""
    columns = list(dict.fromkeys(c for statistic in statistics for c in (*statistic.columns, *statistic.by)))
    cores = str(frame.sparkSession.conf.get("spark.task.cpus", "1") or "1")

    def serve(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Before Polars is imported: a task has so many cores, and others have theirs.
        os.environ.setdefault("POLARS_MAX_THREADS", cores)
        from genspark.engines.spark.scan_arrow import parts_of

        yield pa.record_batch([pa.array([parts_of(batches, columns, statistics)], pa.binary())], names=["part"])

    rows = numbered(frame, columns).mapInArrow(serve, "part binary").collect()
    parts: list[Parts | GensparkError] = [pickle.loads(row["part"]) for row in rows]  # noqa: S301 - our tasks made them
    found: list[Parts] = []
    for part in parts:
        if isinstance(part, GensparkError):
            raise part
        found.append(part)
    # Spark makes no task of a frame that it knows to be empty.
    whole = functools.reduce(_both, found or [gatherer(statistics).parts()])
    return {statistic: finished(statistic, part) for statistic, part in whole.items()}


def parts_of(batches: Iterator[pa.RecordBatch], columns: list[str], statistics: Sequence[Statistic]) -> bytes:
    """What a task sends back of batches of these columns: its parts, or an error of ours, which no retry would mend."""
    import polars as pl

    result: Parts | GensparkError
    try:
        gathering = gatherer(statistics)
        for some in _together(batches):
            gathering.see(pl.DataFrame(pl.from_arrow(some.rename_columns(columns))))
        result = gathering.parts()
    except GensparkError as error:
        result = error
    return pickle.dumps(result)


def _together(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches, as many at a time as are worth the calls: Spark makes them of 10,000 rows, however narrow."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= BATCH_BYTES:
            yield pa.Table.from_batches(held)
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _both(a: Parts, b: Parts) -> Parts:
    return {statistic: merged(statistic, part, b[statistic]) for statistic, part in a.items()}
