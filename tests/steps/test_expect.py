"""The step expect: measures of all rows, held to bounds."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pytest

from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Expect, Filter, Impute

ROWS = pl.DataFrame(
    {
        "x": [1.0, 2.0, 3.0, None, float("inf")],
        "s": ["a", "b", "a", None, "c"],
        "none": pl.Series([None] * 5, dtype=pl.Float64),
    }
)


def found(*rules: dict[str, Any]) -> list[str]:
    """What a fit finds out of bounds."""
    return Pipeline([Expect([{"level": "warn", **rule} for rule in rules])]).fit(ROWS).findings()


@pytest.mark.parametrize(
    ("measure", "inside", "outside", "told"),
    [
        # Population deviation of 1, 2, 3: the root of 2/3. Infinity enters no mean, but is a row.
        ("rows", [5, 5], [6, None], "rows of 'x' is 5, below 6"),
        ("null_share", [0.2, 0.2], [0, 0.1], "null_share of 'x' is 0.2, above 0.1"),
        ("mean", [2, 2], [None, 1], "mean of 'x' is 2, above 1"),
        ("deviation", [0.8164, 0.8166], [1, 2], "deviation of 'x' is 0.816497, below 1"),
        ("least", [1, 1], [2, None], "least of 'x' is 1, below 2"),
        ("most", [3, 3], [None, 2], "most of 'x' is 3, above 2"),
    ],
)
def test_a_measure_out_of_bounds_is_told(measure: str, inside: Any, outside: Any, told: str) -> None:
    assert found({"columns": "x", measure: inside}) == []
    assert found({"columns": "x", measure: outside}) == [f"expect: {told}"]


def test_text_has_rows_missing_values_and_distinct_ones() -> None:
    assert found({"columns": "s", "rows": [5, 5], "null_share": [0.2, 0.2], "distinct": [3, 3]}) == []
    assert found({"columns": "s", "distinct": [4, None]}) == ["expect: distinct of 's' is 3, below 4"]


def test_a_column_without_values_is_out_of_all_bounds() -> None:
    assert found({"columns": "none", "mean": [None, 9]}) == ["expect: mean of 'none' is not there: no value was seen"]


def test_level_error_ends_the_fit_with_everything_that_is_out() -> None:
    step = Expect([{"columns": "x", "mean": [5, 9], "null_share": [0, 0]}])
    with pytest.raises(
        DataError, match=r"null_share of 'x' is 0.2, above 0; mean of 'x' is 2, below 5; look at the source"
    ):
        Pipeline([step]).fit(ROWS)


def test_it_joins_the_scan_of_the_steps_beside_it() -> None:
    steps = [
        Filter("s IS NOT NULL"),
        Expect([{"columns": ["x"], "mean": [0, 9], "null_share": [0, 1]}, {"columns": "s", "distinct": [1, 9]}]),
        Impute("x", "mean"),
    ]
    pipeline = Pipeline(steps)
    assert "Fit: 1 scan of the data" in pipeline.explain(ROWS)


def test_mistakes_are_told_before_any_data() -> None:
    with pytest.raises(ConfigError, match="needs at least one of rows, null_share"):
        Expect([{"columns": "x"}])
    with pytest.raises(SchemaError, match=r"rules\[0\].columns: 's' is String, and this step needs numbers, for mean"):
        Pipeline([Expect([{"columns": "s", "mean": [0, 1]}])]).fit(ROWS)


def test_values_that_repeat_are_told_null_repeats_nothing_and_columns_count_together() -> None:
    assert found({"columns": ["x"], "unique": True}) == []
    assert found({"columns": ["x", "s"], "unique": "together"}) == []
    assert found({"columns": ["x", "s"], "unique": True}) == [
        "expect: 's' is not unique: 1 of 4 rows have what another row has"
    ]


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({"along": "t"}, "2 breaks of the order"),
        ({"along": "t", "within": "s"}, None),
        ({"along": "t", "within": ["s"], "strictly": True}, "1 break of the order"),
        ({"along": "t", "within": ["s"], "direction": "falling"}, "2 breaks of the order"),
    ],
)
def test_values_rise_along_a_column_however_the_rows_lie(order: dict[str, Any], told: str | None) -> None:
    rows = pl.DataFrame(
        {
            "t": [3, 1, 2, 1, 2, 2, None],
            "s": ["a", "a", "a", "b", "b", "b", "b"],
            "x": [-0.5, -2.0, -0.5, 5.0, 6.0, 7.0, -9.0],
        }
    )
    rule = {"columns": "x", "monotone": order, "level": "warn"}
    findings = Pipeline([Expect([rule])]).fit(rows).findings()
    assert [finding.rpartition(": ")[2] for finding in findings] == ([told] if told else [])


def test_rows_without_the_name_of_a_series_are_a_series() -> None:
    rows = pl.DataFrame(
        {"t": [1, 2, 1, 2], "s": [None, None, "a", "a"], "u": ["b", "b", None, None], "x": [4.0, 3.0, 1.0, 2.0]}
    )
    rule = {"columns": "x", "monotone": {"along": "t", "within": ["s", "u"]}, "level": "warn"}
    (finding,) = Pipeline([Expect([rule])]).fit(rows).findings()
    assert "1 break of the order" in finding


def test_a_model_keeps_counts_of_what_is_unique_and_not_a_hash_of_every_row() -> None:
    model = Pipeline([Expect([{"columns": "x", "unique": True}])]).fit(ROWS)
    assert [state for _, _, state in model.states] == [{"count": 4, "missing": 1, "distinct": 4}]


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"along": "y"}, "monotone.along: 'y' is not a column"),
        ({"along": "s"}, "monotone.along: 's' is String, and an order needs numbers"),
        ({"along": "x", "within": "none"}, "monotone.within: 'none' is Float64"),
    ],
)
def test_an_order_that_rows_cannot_have_is_refused_before_any_data(order: dict[str, Any], problem: str) -> None:
    with pytest.raises(SchemaError, match=problem):
        Expect([{"columns": "x", "monotone": order}]).bind(nw.from_native(ROWS).collect_schema())
