"""The step expect: measures of all rows, held to bounds."""

from __future__ import annotations

from typing import Any

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
