"""One table, its degenerate relatives, and example arguments for each registered step and statistic.

A new step needs a line or two in `STEPS`, a new statistic one in `STATISTICS`; the contract then holds
them to everything that genspark promises of steps and statistics.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from genspark.statistics import Extremes, Frequencies, Moments, Quantiles, Statistic

INF, NAN = math.inf, math.nan
ROWS = 24


@dataclass(frozen=True)
class Case:
    """Arguments of a step; `refuses` names the tables that its docstring says it stops at."""

    fields: dict[str, Any]
    refuses: frozenset[str] = frozenset()


def case(*refuses: str, **fields: Any) -> Case:
    return Case(fields, frozenset(refuses))


STEPS: dict[str, list[Case]] = {
    "augment": [
        case(image="s", views=2, random_crop={"size": [8, 6], "padding": 2}, height="n", width=20),
        case(image="s", horizontal_flip=0.5, vertical_flip=0.1, color_jitter={"brightness": 0.3, "hue": 0.1}),
    ],
    "cast": [
        case(columns={"n": "string", "small": "int64", "b": "int8"}),
        case(columns={"x": "float32", "id": "float64", "b": "string"}),
    ],
    "drop": [case(columns=["x", "s"]), case(columns="*a*")],
    "impute": [
        case(columns=["x", "n"]),
        case(columns=["x", "y"], strategy="median", indicator=True),
        case(columns=["x"], strategy="median", rank_error=0),
        case(columns=["x", "small", "s", "b"], strategy="mode", indicator=True),
        case(columns=["n", "small"], strategy="constant", value=7),
        case(columns="s", strategy="constant", value="none"),
    ],
    "outliers": [
        case(columns=["x", "y"], threshold=1.5),
        case(columns=["x", "n"], threshold=1.5, action="clip"),
        case(columns=["x", "y"], method="iqr", threshold=0.5, action="quarantine"),
        case(columns=["x", "y"], method="iqr", threshold=0.5, action="null"),
        case(columns=["x", "n"], method="iqr", rank_error=0, action="flag"),
    ],
    "scale": [
        case(columns=["x", "y", "n"]),
        case(columns=["x", "small"], method="minmax", range=[-1, 2]),
    ],
    "select": [case(columns=["y", "id", "x", "s"]), case(columns=["id", "*a*"])],
    "split": [
        case(fractions={"train": 0.5, "validation": 0.25, "test": 0.25}, seed=3),
        case(fractions={"train": 0.5, "test": 0.5}, group="s", column="part"),
    ],
    "transform": [
        case("infinities", columns=["p"], function="log"),
        case(columns=["x", "p"], function="log1p", invalid="null"),
        case(columns=["x", "n"], function="sqrt", invalid="drop"),
        case(columns=["x"], function="log", invalid="quarantine"),
    ],
}

STATISTICS: dict[str, list[Statistic]] = {
    "moments": [Moments(("x",)), Moments(("n",))],
    "extremes": [Extremes(("x",)), Extremes(("n",))],
    "quantiles": [Quantiles(("x",)), Quantiles(("n",), rank_error=0.05)],
    "frequencies": [Frequencies(("s",)), Frequencies(("n",)), Frequencies(("b",)), Frequencies(("x",))],
}


def with_groups(statistic: Statistic) -> Statistic:
    """The same request for each value of a column that has nulls."""
    return dataclasses.replace(statistic, by=("s",))


def tables() -> dict[str, pa.Table]:
    """The table that is as it should be, and those at the edges of what can be read."""
    random = np.random.default_rng(0)
    x = random.standard_normal(ROWS) * 3 + 1
    usual = {
        "id": pa.array(range(ROWS), pa.int64()),
        "x": pa.array([*x[:20], NAN, None, 30.0, None]),
        "y": pa.array(random.standard_normal(ROWS) + 100),
        "p": pa.array([*np.exp(x[:22]), None, 1e-12]),
        "n": pa.array(random.integers(4, 20, ROWS), pa.int32()),
        "small": pa.array(random.integers(-3, 3, ROWS), pa.int16()),
        "s": pa.array([None if i % 7 == 6 else "añc"[i % 3] for i in range(ROWS)]),
        "b": pa.array([i % 3 == 0 for i in range(ROWS)]),
        "day": pa.array(random.integers(0, 20_000, ROWS).astype("datetime64[D]")),
    }
    table = pa.table(usual)
    whole = ("id", "n", "small", "s", "b", "day")
    return {
        "usual": table,
        "no rows": table.slice(0, 0),
        "one row": table.slice(3, 1),
        "all null": filled(table, dict.fromkeys(set(usual) - {"id"})),
        "constant": filled(table, {name: column[3].as_py() for name, column in usual.items() if name != "id"}),
        "all nan": filled(table, dict.fromkeys(set(usual) - set(whole), NAN)),
        "infinities": alternating(table, set(usual) - set(whole), [INF, -INF, 1.0]),
    }


def filled(table: pa.Table, values: dict[str, Any]) -> pa.Table:
    return alternating(table, set(values), None, values)


def alternating(
    table: pa.Table, names: set[str], cycle: list[Any] | None, values: dict[str, Any] | None = None
) -> pa.Table:
    """The table with the named columns repeating the cycle, or each its own value."""
    for position, name in enumerate(table.column_names):
        if name in names:
            repeated = cycle or [(values or {})[name]]
            column = [repeated[i % len(repeated)] for i in range(len(table))]
            table = table.set_column(position, name, pa.array(column, table.schema.field(name).type))
    return table
