"""Statistics gathered from Arrow batches in Spark's tasks, and merged in the driver.

The collectors are those of the polars engine, so the two engines agree. Runs on classic and Connect sessions.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from genspark.engines.gathered import Gathered
from genspark.engines.polars.scan import gatherer
from genspark.engines.spark.names import quoted
from genspark.engines.spark.tasks import run_on_rows
from genspark.statistics import Statistic
from genspark.storage import spill

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def gather_arrow(frame: DataFrame, statistics: Sequence[Statistic]) -> Gathered:
    """The parts of statistics that share `by`, in one job."""
    columns = dict.fromkeys(column for statistic in statistics for column in (*statistic.columns, *statistic.by))
    rows = frame.select(*(quoted(column) for column in columns))
    each = run_on_rows(rows, functools.partial(_gathered, statistics=statistics, folder=spill.current()))
    # Spark makes no task of a frame that it knows to be empty.
    return functools.reduce(Gathered.merged, each or [_gathered(iter(()), 0, statistics, None)])


def _gathered(
    tables: Iterator[pa.Table], _: int, statistics: Sequence[Statistic], folder: spill.Spill | None
) -> Gathered:
    with spill.into(folder):
        gathering = gatherer(statistics)
    for table in tables:
        gathering.see(pl.DataFrame(pl.from_arrow(table)))
    return Gathered(gathering.parts())
