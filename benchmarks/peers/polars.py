"""Polars by hand, in one process and no JVM: as near to the hardware as columnar code comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from peers.reading import scan
from peers.task import Outcome, Task

if TYPE_CHECKING:
    import polars as pl


def run(task: Task, outcome: Outcome) -> None:
    """Two lazy aggregates on the streaming engine, then a third pass that writes."""
    with outcome.timed("session"):
        import polars as pl

        from peers.commit import DELTALAKE, commit_parquet
    with outcome.timed("total"):
        with outcome.timed("fit"):
            frame = scan(task)
            fill, bounds = _bounds(frame, task)
            near = [pl.col(column).is_between(*bounds[column]) for column in task.columns]
            kept = frame.with_columns(pl.col(column).fill_null(fill[column]) for column in task.columns).filter(*near)
            mean, std = _mean_and_std(kept, task.columns)
        with outcome.timed("write"):
            scaled = kept.with_columns((pl.col(column) - mean[column]) / std[column] for column in task.columns)
            by_group = pl.PartitionBy(task.table, key="group", include_key=False)
            # The codec of the other peers; maintain_order=False lets the threads write as they finish.
            scaled.sink_parquet(by_group, compression="snappy", mkdir=True, maintain_order=False, engine="streaming")
            commit_parquet(task.table, task.columns)
    outcome.fill, outcome.mean, outcome.std = ([by[c] for c in task.columns] for by in (fill, mean, std))
    outcome.scans = 3
    outcome.versions = {"polars": pl.__version__, "deltalake": DELTALAKE}


def _bounds(frame: pl.LazyFrame, task: Task) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Mean of the observed values, and mean -+ the allowed deviations of the imputed column: in one scan.

    Nulls filled with the mean add nothing to the sum of squared deviations, so the imputed column's
    variance is the observed one's times the share that was observed.
    """
    import polars as pl

    columns = task.columns
    wanted = [pl.len().alias("rows"), *(pl.col(column).count().name.prefix("count_") for column in columns)]
    fill, observed, counts = _mean_and_std(frame, columns, also=wanted)
    std = {c: observed[c] * (counts[f"count_{c}"] / counts["rows"]) ** 0.5 for c in columns}
    far = {c: task.threshold * std[c] for c in columns}
    return fill, {c: (fill[c] - far[c], fill[c] + far[c]) for c in columns}


def _mean_and_std(frame: pl.LazyFrame, columns: Sequence[str], *, also: Sequence[pl.Expr] = ()) -> Any:
    import polars as pl

    means = [pl.col(column).mean().alias(f"mean_{column}") for column in columns]
    stds = [pl.col(column).std(ddof=0).alias(f"std_{column}") for column in columns]
    (row,) = frame.select(*means, *stds, *also).collect(engine="streaming").rows(named=True)
    found = [{column: row[f"{name}_{column}"] for column in columns} for name in ("mean", "std")]
    return (*found, row) if also else tuple(found)
