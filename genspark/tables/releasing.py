"""Statistics of a table with differential privacy, by OpenDP.

Tables are neighbours where one has one row more: epsilon is for a row, so for a person who has one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from genspark.errors import ConfigError
from genspark.sinks import epsilon as ledger
from genspark.statistics.noise import NEIGHBOURS, laplace, opendp
from genspark.tables.footers import Tell, silent
from genspark.tables.rows import frames, refuse_vectors
from genspark.tables.snapshot import Snapshot, read_snapshot

KINDS = ("count", "sum", "mean", "histogram")


def release(
    given: str,
    query: str,
    epsilon: float,
    *,
    bounds: Mapping[str, tuple[float, float]],
    bins: int = 10,
    budget: float | None = None,
    tell: Tell = silent,
) -> dict[str, Any]:
    """Release one statistic, such as count or mean:age, and tell by which mechanism; what it takes is spent before.

    Values are clamped to the bounds, which must not come from the data; missing ones do not count. Raises ConfigError
    for a query that is not understood or over budget, SourceError where a file cannot be read.
    """
    dp = opendp()
    kind, _, column = query.partition(":")
    snapshot = read_snapshot(given)
    refuse_vectors(snapshot)
    _check(snapshot, kind, column, epsilon, bounds)
    mechanism = {
        "count": "Laplace on the number of rows, sensitivity 1",
        "sum": "Laplace on the sum of clamped values",
        "mean": "Laplace on the sum of clamped values by half of epsilon, and on their number by the other half",
        "histogram": "Laplace on the number of values in each bin, sensitivity 1 in all",
    }[kind]
    left = ledger.spend(snapshot.path, snapshot.version, query, epsilon, budget, mechanism)
    values = _values(snapshot, column, tell)
    told = {"count": _count, "sum": _sum, "mean": _mean, "histogram": _histogram}[kind](
        dp, values, epsilon, bounds.get(column, (0.0, 0.0)), bins
    )
    return {
        "table": snapshot.path,
        "version": snapshot.version,
        "query": query,
        **told,
        "epsilon": epsilon,
        "left": left,
        "mechanism": mechanism,
        "neighbours": NEIGHBOURS,
    }


def _check(
    snapshot: Snapshot, kind: str, column: str, epsilon: float, bounds: Mapping[str, tuple[float, float]]
) -> None:
    if kind not in KINDS or bool(column) != (kind != "count"):
        raise ConfigError(f"--query: must be count, or one of {', '.join(KINDS[1:])} with a column, such as mean:age")
    if not (0 < epsilon < math.inf):
        raise ConfigError(f"--epsilon: must be a number above 0; got {epsilon}")
    if not column:
        return
    snapshot.refuse_absent([column], "--query")
    if not any(word in snapshot.columns[column].lower() for word in ("int", "float", "double", "decimal")):
        raise ConfigError(f"--query: {column!r} is {snapshot.columns[column]}, and numbers are needed")
    if column not in bounds or not bounds[column][0] < bounds[column][1]:
        raise ConfigError(f"--bounds: say between what {column} lies, as {column}=0,100, and not from the data")


def _values(snapshot: Snapshot, column: str, tell: Tell) -> Any:
    """The values of a column as float64, none of them missing; without a column a 1.0 for each row."""
    found: list[Any] = []
    for frame in frames(snapshot, (column,) if column else None, tell):
        if not column:
            found.append(np.ones(frame.height))
            continue
        numbers = frame[column].cast(pl.Float64).drop_nulls().to_numpy()
        found.append(numbers[~np.isnan(numbers)])
    return np.concatenate(found) if found else np.zeros(0)


def _space(dp: Any) -> Any:
    return dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.symmetric_distance()


def _count(dp: Any, values: Any, epsilon: float, _: tuple[float, float], __: int) -> dict[str, Any]:
    return {"value": int(laplace(dp, _space(dp) >> dp.t.then_count(), 1, epsilon)(values))}


def _sum(dp: Any, values: Any, epsilon: float, bounds: tuple[float, float], _: int) -> dict[str, Any]:
    made = _space(dp) >> dp.t.then_clamp(bounds) >> dp.t.then_sum()
    return {"value": float(laplace(dp, made, 1, epsilon)(values))}


def _mean(dp: Any, values: Any, epsilon: float, bounds: tuple[float, float], bins: int) -> dict[str, Any]:
    total = _sum(dp, values, epsilon / 2, bounds, bins)["value"]
    rows = _count(dp, values, epsilon / 2, bounds, bins)["value"]
    # What is made of released numbers takes no more.
    return {"value": float(np.clip(total / max(rows, 1), *bounds)), "rows": rows}


def _histogram(dp: Any, values: Any, epsilon: float, bounds: tuple[float, float], bins: int) -> dict[str, Any]:
    edges = np.linspace(*bounds, bins + 1)
    codes: Sequence[int] = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1).tolist()
    space = dp.vector_domain(dp.atom_domain(T="i32")), dp.symmetric_distance()
    made = space >> dp.t.then_count_by_categories(list(range(bins)), null_category=False)
    counts = [int(count) for count in laplace(dp, made, 1, epsilon)(list(codes))]
    return {"edges": edges.tolist(), "counts": counts}
