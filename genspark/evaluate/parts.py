"""The parts of a table or a frame: work that is done on the rows of each, wherever they are, and merged here.

A frame is a Spark DataFrame, a Polars DataFrame or LazyFrame, a pandas DataFrame, a PyArrow Table, or the path of a
table. Work gets Arrow tables of bounded size, and returns a state that is small enough to be sent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.names import quoted, wrapped
from genspark.engines.spark.tasks import run_on_rows
from genspark.errors import DataError, did_you_mean
from genspark.evaluate.processes import in_processes

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

ROWS, BYTES = 1 << 16, 64 << 20
"""Rows of an Arrow table at most, and about how many bytes, where this process makes it."""


class State(Protocol):
    """What is known of some rows. States of parts merge to that of the whole."""

    def merged(self, other: Any) -> Any:
        """The state of the rows of both."""


Result = TypeVar("Result", bound=State)
Work = Callable[[Iterator["pa.Table"]], Result]


def merged(
    frame: Any, columns: Sequence[str], work: Work[Result], name: str = "the frame", *, in_python: bool = False
) -> Result:
    """The state of all rows, from the states that `work` makes of each part, merged in the order of the parts.

    Of work that is `in_python` for the most part, several processes do some of it each, where there are many rows.
    Raises DataError where a column is missing, which `name` says whose it is.
    """
    check_columns(frame, columns, name)
    if is_spark(frame):
        selected = frame.select(*map(quoted, columns))
        with spark_errors("evaluate"):
            states = run_on_rows(selected, functools.partial(_work, work=work))
        return _whole(states) if states else work(iter(()))
    if in_python:
        return _whole(in_processes(work, tables(frame, columns)))
    return work(tables(frame, columns))


def of_both(real: Any, generated: Any, columns: Sequence[str], work: Work[Result]) -> tuple[Result, Result]:
    """The states of the rows of two frames, which errors call real and generated."""
    return merged(real, columns, work, "real"), merged(generated, columns, work, "generated")


def tables(frame: Any, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a frame of this process as Arrow tables of at most `ROWS` rows, in order."""
    import polars as pl
    import pyarrow as pa

    if isinstance(frame, str | Path):
        frame = of_table(str(frame))
    if isinstance(frame, pl.DataFrame):
        frame = frame.lazy()
    if isinstance(frame, pl.LazyFrame):
        for batch in frame.select(columns).collect_batches(engine="streaming", maintain_order=True):
            for some in batch.iter_slices(_rows(batch.height, batch.estimated_size())):
                yield some.to_arrow(compat_level=pl.CompatLevel.oldest())
        return
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame[list(columns)], preserve_index=False)
    table = table.select(list(columns))
    step = _rows(table.num_rows, table.nbytes)
    for start in range(0, table.num_rows, step):
        yield table.slice(start, step)


def _whole(states: Iterable[Result]) -> Result:
    first, *others = states
    for other in others:
        first = first.merged(other)
    return first


def _rows(rows: int, size: float) -> int:
    """The rows of a table, of so many rows of so many bytes in all."""
    return max(1, min(ROWS, int(rows * BYTES / size) if size else ROWS))


def columns_of(frame: Any) -> list[str]:
    """The names of a frame's columns."""
    import polars as pl
    import pyarrow as pa

    if isinstance(frame, str | Path):
        frame = of_table(str(frame))
    if isinstance(frame, pl.LazyFrame):
        return frame.collect_schema().names()
    # Not by hasattr: a frame on Connect makes a column of every name.
    names = frame.column_names if isinstance(frame, pa.Table | pa.RecordBatch) else frame.columns
    return [str(name) for name in names]


def check_columns(frame: Any, columns: Sequence[str], name: str) -> None:
    """Raise DataError where the frame lacks one of the columns."""
    there = columns_of(frame)
    for column in columns:
        if column not in there:
            raise DataError(f"{name} has no column {column!r}{did_you_mean(column, there)}")


def narwhals_of(frame: Any) -> Any:
    """A frame for narwhals; on Spark every name is a column's, not a path."""
    import narwhals as nw

    return wrapped(frame) if is_spark(frame) else nw.from_native(frame)


def is_spark(frame: Any) -> bool:
    """Whether it is a Spark DataFrame, of a classic session or of Connect."""
    return type(frame).__module__.partition(".")[0] == "pyspark"


def of_table(path: str) -> pl.LazyFrame:
    """The rows of a Delta table. Raises DataError where there is none."""
    import deltalake
    import polars as pl

    from genspark.storage.files import storage_path
    from genspark.storage.object_stores import delta_options, polars_options

    place = storage_path(path)
    try:
        table = deltalake.DeltaTable(place, storage_options=delta_options(place))
    except Exception as error:
        raise DataError(f"{path} is no Delta table that can be read ({error})") from None
    return pl.scan_delta(table, storage_options=polars_options(place))


def _work(found: Iterator[pa.Table], _: int, work: Work[Result]) -> Result:
    return work(found)
