"""What each program does that audits a table by three columns: genspark's audit, pandas and Polars by hand.

The groups are those of `group` (8 values) and of two columns of 0, 1 and null; label and prediction are such columns,
too. All count the same: of each group the rows, the missing values in any column of the table, and of each outcome the
rows that have it and those where it is 1. By hand nothing else is done: no shares, no intervals, no difference between
groups, no look at the quarantine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from peers.task import Outcome, Task

GROUPS, LABEL, PREDICTION = ("group", "x000", "x001"), "x002", "x003"


def genspark(task: Task, outcome: Outcome) -> None:
    """The function behind `genspark audit`; what steps did to groups, which is told of the source, is no part of it."""
    with outcome.timed("session"):
        import deltalake  # noqa: F401 - imports are no part of the work
        import pyarrow.parquet  # noqa: F401

        from genspark.tables.audit import Asked, audit
    with _rows_read() as read, outcome.timed("total"):
        told = audit(task.shards, Asked(GROUPS, LABEL, PREDICTION, floor=1))
    outcome.scans = round(sum(read) / task.rows)
    outcome.told = {group["group"]: _counts(group) for group in told["groups"]}


def pandas(task: Task, outcome: Outcome) -> None:
    """The table in memory, and one `groupby`."""
    with outcome.timed("session"):
        import pandas as pd
        import pyarrow as pa

        pa.set_cpu_count(task.cores)
    with outcome.timed("total"):
        frame = pd.read_parquet(_files(task))
        frame["missing"] = frame.isna().sum(axis=1)
        by = frame.groupby([*GROUPS, LABEL, PREDICTION], dropna=False)["missing"].agg(["size", "sum"])
        rows = by.astype(object).reset_index().astype(object)
        outcome.told = _by_group(rows.where(rows.notna(), None).itertuples(index=False))
    outcome.scans, outcome.versions = 1, {"pandas": pd.__version__}


def polars(task: Task, outcome: Outcome) -> None:
    """A lazy frame and one `group_by`, on the streaming engine."""
    with outcome.timed("session"):
        import polars as pl
    with outcome.timed("total"):
        missing = pl.sum_horizontal(pl.all().is_null().cast(pl.UInt32))
        frame = pl.scan_parquet(_files(task)).select(*GROUPS, LABEL, PREDICTION, missing=missing)
        by = frame.group_by(*GROUPS, LABEL, PREDICTION).agg(pl.len(), pl.col("missing").sum())
        outcome.told = _by_group(by.collect(engine="streaming").iter_rows())
    outcome.scans, outcome.versions = 1, {"polars": pl.__version__}


PROGRAMS: Mapping[str, Callable[[Task, Outcome], None]] = {"genspark": genspark, "pandas": pandas, "polars": polars}


@contextlib.contextmanager
def _rows_read() -> Iterator[list[int]]:
    """The rows of each batch that Arrow's reader gives in the block: by it genspark reads the rows of its tables."""
    import pyarrow.parquet as pq

    read: list[int] = []
    iter_batches = pq.ParquetFile.iter_batches

    def counted(self: Any, *arguments: Any, **named: Any) -> Iterator[Any]:
        for batch in iter_batches(self, *arguments, **named):
            read.append(batch.num_rows)
            yield batch

    pq.ParquetFile.iter_batches = counted
    try:
        yield read
    finally:
        pq.ParquetFile.iter_batches = iter_batches


def _files(task: Task) -> list[str]:
    """The table's files of rows: it was written once, so that all that lie there are its own."""
    from pathlib import Path

    return sorted(map(str, Path(task.shards).glob("*.parquet")))


def _counts(group: Mapping[str, Any]) -> list[int]:
    """Rows, missing values, and of label and prediction the rows that have it and those where it is 1."""
    rows = int(group["rows"])
    counts = [rows, round(group["missing_a_row"] * rows)]
    for name in ("label_rate", "prediction_rate"):
        rate = group[name] or {"value": 0.0, "n": 0}
        counts += [rate["n"], round(rate["value"] * rate["n"])]
    return counts


def _by_group(found: Iterable[Any]) -> dict[str, list[int]]:
    """The same of (group, x000, x001, label, prediction, rows, missing)."""
    groups: dict[str, list[int]] = {}
    for *key, label, prediction, rows, missing in found:
        name = " / ".join(
            "(missing)" if value is None else str(int(value) if value in (0, 1) else value) for value in key
        )
        counts = groups.setdefault(name, [0] * 6)
        of_outcomes = [rows * is_so for outcome in (label, prediction) for is_so in (outcome is not None, outcome == 1)]
        for place, count in enumerate((rows, missing, *of_outcomes)):
            counts[place] += int(count)
    return groups
