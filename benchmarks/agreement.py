"""Whether the peers did the same: what they learnt, and what is in the tables they wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Table:
    """A written Delta table: its size, the rows of each group, and statistics of each column.

    `groups` maps a group to its number of rows and the sum of their ids. `columns` maps a column to
    mean, population standard deviation, smallest and largest value.
    """

    rows: int
    files: int
    bytes: int
    groups: Mapping[str, tuple[int, int]]
    columns: Mapping[str, tuple[float, float, float, float]]


def read_table(path: Path, columns: Sequence[str]) -> Table:
    """What is in a table, by a reader that is none of the peers' writers: delta-rs's log, Polars' Parquet."""
    files = pl.DataFrame(DeltaTable(str(path)).get_add_actions(flatten=True))
    frame = pl.scan_delta(str(path))
    # Inferred ids may be 32 bits wide, which a sum of them is not.
    groups = frame.group_by("group").agg(pl.len(), pl.col("id").cast(pl.Int64).sum()).collect(engine="streaming").rows()
    wanted = [
        expression.alias(f"{name}_{column}")
        for column in columns
        for name, expression in _statistics(pl.col(column)).items()
    ]
    numbers = iter(frame.select(wanted).collect(engine="streaming").row(0))
    return Table(
        rows=sum(rows for _, rows, _ in groups),
        files=files.height,
        bytes=files["size_bytes"].sum(),
        groups={group: (rows, ids) for group, rows, ids in groups},
        columns={column: (next(numbers), next(numbers), next(numbers), next(numbers)) for column in columns},
    )


def disagreements(learnt: Mapping[str, Mapping[str, Any]], tables: Mapping[str, Table]) -> list[str]:
    """Where a peer differs from the first, a line each; `learnt` holds each peer's `Outcome` as a mapping."""
    first, *others = learnt
    return [
        f"{other} and {first} differ in {what}"
        for other in others
        for what in _differences(learnt[other], tables[other], learnt[first], tables[first])
    ]


def _differences(one: Mapping[str, Any], mine: Table, two: Mapping[str, Any], yours: Table) -> Iterator[str]:
    if mine.rows != yours.rows:
        yield f"rows written: {mine.rows:,} and {yours.rows:,}"
        return
    if mine.groups != yours.groups:
        yield "which rows they wrote: the ids of a group add up to other sums"
        return
    std_one, std_two = (_population(outcome, table.rows) for outcome, table in ((one, mine), (two, yours)))
    names = list(mine.columns)
    # A mean may be near 0: it is held to the spread of its column, not to itself.
    yield from _far("imputed value", names, one["fill"], two["fill"], std_two)
    yield from _far("mean", names, one["mean"], two["mean"], std_two)
    yield from _far("standard deviation", names, std_one, std_two, std_two)
    for position, what in enumerate(_statistics(pl.all())):
        a = [numbers[position] * _correction(one, mine.rows) for numbers in mine.columns.values()]
        b = [numbers[position] * _correction(two, yours.rows) for numbers in yours.columns.values()]
        # Written columns have the spread 1.
        yield from _far(f"written {what}", names, a, b, [1.0] * len(names))


def _far(
    what: str, names: Sequence[str], a: Sequence[float], b: Sequence[float], spread: Sequence[float]
) -> Iterator[str]:
    for name, x, y, unit in zip(names, a, b, spread, strict=True):
        # `not <=`, so that a NaN is far from everything.
        if not abs(x - y) <= TOLERANCE * max(abs(x), abs(y), abs(unit)):
            yield f"{what} of {name}: {x!r} and {y!r}"


def _population(outcome: Mapping[str, Any], rows: int) -> list[float]:
    """The population standard deviations, of what may be the sample's."""
    return [std / _correction(outcome, rows) for std in outcome["std"]]


def _correction(outcome: Mapping[str, Any], rows: int) -> float:
    """Sample over population standard deviation for a peer that uses the sample's, else 1."""
    return math.sqrt(rows / (rows - outcome["ddof"])) if rows > 1 else 1.0


def _statistics(column: pl.Expr) -> dict[str, pl.Expr]:
    return {"mean": column.mean(), "standard deviation": column.std(ddof=0), "min": column.min(), "max": column.max()}
