"""One table, its degenerate relatives, and example arguments for each registered step and statistic.

A new step or statistic is here with nothing to register: `generated` finds arguments for it. What is listed
beside them are arguments at which something has gone wrong, or might.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from generated import generated, generated_statistics, uncovered

from genspark.statistics import (
    Combinations,
    Covariance,
    Elements,
    Expectation,
    Extremes,
    Frequencies,
    Moments,
    Ordered,
    Powers,
    Quantiles,
    Repeats,
    Sample,
    Signatures,
    Statistic,
)
from genspark.steps import Step

INF, NAN = math.inf, math.nan
ROWS = 24
TOKENIZER = str(Path(__file__).with_name("tokenizer.json"))
"""Words and signs as tokens; [end] after each text."""


@dataclass(frozen=True)
class Case:
    """Arguments of a step; `refuses` names the tables that its docstring says it stops at.

    None: not known, since the arguments were generated; where it stops, it must do so by an error of ours.
    """

    fields: dict[str, Any]
    refuses: frozenset[str] | None = frozenset()


def case(*refuses: str, **fields: Any) -> Case:
    return Case(fields, frozenset(refuses))


STEPS: dict[str, list[Case]] = {
    "anonymize": [
        case(
            "one row",
            columns={"n": {"bins": [4, 8]}, "day": {"dates": ["year"], "least": 1}, "b": {}},
            k=3,
            sensitive="s",
            t=0.4,
            action="null",
            most=0.5,
        ),
    ],
    "augment": [
        case(image="s", views=2, random_crop={"size": [8, 6], "padding": 2}, height="n", width=20),
        case(
            views=2,
            gaussian_noise={"columns": ["x", "y"], "scale": 0.5, "least": 0.1},
            time_crop={"columns": ["v"], "size": 3},
            mixup={"columns": ["x"], "labels": ["s"]},
        ),
    ],
    "cast": [
        case(columns={"n": "string", "small": "int64", "b": "int8"}),
    ],
    "bucketize": [case(columns=["x", "n"], edges=[-1.0, 0.5, 6])],
    "deduplicate": [case(columns=["s", "b"], keep={"min": "x"}, action="quarantine", parts="small")],
    "drop": [case(columns="*a*")],
    "encode": [
        case(columns=["s", "small", "b"], min_count=3, unknown_id=-1),
        case(columns=["s", "n"], max_size=2, overflow="unknown", method="onehot"),
    ],
    "expect": [
        case(
            "all null",
            "all nan",
            "no rows",
            rules=[
                {"columns": ["x", "n"], "null_share": [0, 0.2], "mean": [-100, 100], "most": [None, 50]},
                {"columns": "s", "distinct": [3, 3], "null_share": [0.5, None], "level": "warn"},
                {"columns": ["x", "s"], "unique": "together", "level": "warn"},
                {"columns": "x", "monotone": {"along": "id", "within": "small"}, "level": "warn"},
            ],
        ),
    ],
    "filter": [case(where="x > 0 OR s LIKE 'a%' OR n / small > 2", action="quarantine")],
    "impute": [
        case(columns=["x"], strategy="median", rank_error=0),
        case(columns=["x", "small", "s", "b"], strategy="mode", indicator=True),
        case(columns="s", strategy="constant", value="none"),
        case(columns=["x", "n"], by="s", indicator=True),
        case(columns=["b", "small"], strategy="mode", by="s"),
    ],
    "outliers": [
        case(columns=["x", "n"], threshold=1.5, action="clip"),
        case(columns=["x", "y"], method="iqr", threshold=0.5, action="quarantine"),
        case(columns=["x", "y"], method="iqr", threshold=0.5, action="null"),
        case(columns=["x", "n"], method="iqr", rank_error=0, action="flag"),
        case(columns=["x", "y"], method="mad", threshold=2.0, action="clip"),
        case(columns=["x", "y"], by="s", threshold=1.0, action="quarantine"),
        case(columns=["x", "n"], method="iqr", by=["b", "small"], threshold=0.5, action="clip"),
        case("one row", "constant", "infinities", columns=["x", "y"], method="mahalanobis", threshold=2.0),
        case(columns=["x", "y"], method="kmeans", clusters=3, quantile=0.8, action="clip"),
    ],
    "reweigh": [case(groups="b", label="s", method="repeat", seed=3)],
    "scale": [
        case(columns=["x", "small"], method="minmax", range=[-1, 2]),
        case(columns=["x", "n"], method="robust", rank_error=0),
        case(columns=["x", "y"], method="quantile", output="normal", rank_error=0),
        case(columns="v", elements="each"),
    ],
    "rename": [case(columns={"x": "n.y`z", "s": "x"}, rule="snake_case")],
    "select": [case(columns=["id", "*a*"])],
    "split": [
        case(fractions={"train": 0.5, "test": 0.5}, group="s", column="part"),
        case(fractions={"train": 0.5, "test": 0.5}, cluster="s", column="part"),
    ],
    "tokenize": [
        case(column="s", tokenizer=TOKENIZER, special=False, most=1),
        case(column="s", tokenizer=TOKENIZER),
    ],
    "transform": [
        case("infinities", columns=["p"], function="log"),
        case(columns=["x", "p"], function="log1p", invalid="null"),
        case(columns=["x"], function="log", invalid="quarantine"),
    ],
    "validate": [
        case(
            "all null",
            rules=[
                {"columns": ["x", "s"], "not_null": True, "level": "warn"},
                {"columns": ["x", "p"], "between": [-2, None], "level": "drop"},
                {"columns": "s", "one_of": ["a", "ñ"]},
                {"columns": "n", "none_of": [7, 9], "level": "warn", "name": "odd ones"},
                {"columns": "s", "matches": "^[a-zñ]$", "level": "drop"},
                {"columns": "s", "length": [1, 1], "level": "warn"},
                {"columns": "s", "type": "boolean", "level": "warn"},
                {"sql": "x < 20 OR s LIKE '%c%'"},
                {"sql": "n > 0 AND b IS NOT NULL", "level": "error"},
            ],
        ),
    ],
}


@functools.cache
def cases_of(kind: str) -> list[Case]:
    """Generated arguments, and those listed."""
    made = [Case(fields, None) for fields in generated(Step.registry[kind], tables()["usual"])]
    return made + STEPS.get(kind, [])


def uncovered_of(kind: str) -> list[str]:
    """Choices that no case makes."""
    return uncovered(Step.registry[kind], [one.fields for one in cases_of(kind)])


STATISTICS: dict[str, list[Statistic]] = {
    "moments": [Moments(("x",)), Moments(("n",))],
    "extremes": [Extremes(("x",)), Extremes(("n",))],
    "quantiles": [Quantiles(("x",)), Quantiles(("n",), rank_error=0.05)],
    "frequencies": [Frequencies(("s",)), Frequencies(("n",)), Frequencies(("b",)), Frequencies(("x",))],
    "combinations": [
        Combinations(("s", "b", "x"), (("prefix", 1), ("as is",), ("bins", 2.0))),
        Combinations(("day", "n"), (("prefix", 4), ("bins", 8.0))),
    ],
    "covariance": [Covariance(("x", "n")), Covariance(("x", "n", "y", "u"), holdout=0.1)],
    "sample": [Sample(("x", "n", "u"), 5), Sample(("y", "u"), 100)],
    "expectation": [Expectation(("x", "n"), ((1.0, 10.0), (3.0, 5.0), (0.0, 0.0), ((1.0, 0.0), (0.0, 1.0))))],
    "powers": [Powers(("x",)), Powers(("p",), method="box-cox")],
    "repeats": [Repeats(("s",)), Repeats(("small", "x"))],
    "ordered": [Ordered(("x", "id")), Ordered(("day", "y", "b"))],
    "signatures": [
        Signatures(("s", "n", "id"), 1, method="text"),
        Signatures(("x", "b", "y", "n", "id"), 2, is_ranked=True),
    ],
    "elements": [Elements(("v",)), Elements(("v",), over="all")],
}
"""Requests beside those that a kind makes of columns alone."""


def statistics_of(kind: str) -> list[Statistic]:
    """Those listed; of a kind that is not, the requests of one column that the table has an answer to."""
    return STATISTICS.get(kind) or generated_statistics(Statistic.registry[kind], tables()["usual"])


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
        "v": vectors(random),
        "u": pa.array(random.random(ROWS)),
    }
    table = pa.table(usual)
    whole = ("id", "n", "small", "s", "b", "day", "v", "u")
    return {
        "usual": table,
        "no rows": table.slice(0, 0),
        "one row": table.slice(3, 1),
        "all null": filled(table, dict.fromkeys(set(usual) - {"id", "u"})),
        "constant": filled(table, {name: column[3].as_py() for name, column in usual.items() if name != "id"}),
        "all nan": filled(table, dict.fromkeys(set(usual) - set(whole), NAN)),
        "infinities": alternating(table, set(usual) - set(whole), [INF, -INF, 1.0]),
    }


def vectors(random: np.random.Generator) -> pa.Array:
    """Vectors of three numbers; one is null, one has a null in it."""
    rows = (random.standard_normal((ROWS, 3)) * [1, 2, 3] + 5).tolist()
    rows[4], rows[9] = None, [1.0, None, 2.0]
    return pa.array(rows, pa.list_(pa.float64()))


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
