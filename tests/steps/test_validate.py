"""The step validate: what breaks a rule, and what becomes of it."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pytest

from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Filter, Validate

ROWS = pl.DataFrame(
    {
        "id": range(6),
        "x": [1.0, None, float("nan"), -3.0, float("inf"), 0.0],
        "n": [1, 2, 3, None, 5, 6],
        "s": ["ab", None, "", "Ñu", "abc", "b"],
        "b": [True, None, False, True, True, False],
    }
)


def kept(*rules: dict[str, Any]) -> list[int]:
    """The ids of the rows that break none of the rules."""
    frame = Pipeline([Validate([{"level": "drop", **rule} for rule in rules])]).fit(ROWS).transform(ROWS)
    return list(frame["id"])


@pytest.mark.parametrize(
    ("rule", "ids"),
    [
        # NaN is missing, as everywhere; infinity is a number.
        ({"columns": "x", "not_null": True}, [0, 3, 4, 5]),
        ({"columns": "b", "not_null": True}, [0, 2, 3, 4, 5]),
        ({"columns": "x", "between": [0, 1]}, [0, 1, 2, 5]),
        ({"columns": "x", "between": [None, 0]}, [1, 2, 3, 5]),
        ({"columns": ["x", "n"], "between": [0, 5]}, [0, 1, 2]),
        ({"columns": "n", "one_of": [1, 2.0]}, [0, 1, 3]),
        ({"columns": "s", "none_of": ["ab", ""]}, [1, 3, 4, 5]),
        ({"columns": "b", "one_of": [True]}, [0, 1, 3, 4]),
        ({"columns": "s", "matches": "^[a-z]+$"}, [0, 1, 4, 5]),
        ({"columns": "s", "length": [1, 2]}, [0, 1, 3, 5]),
        ({"sql": "x >= 0 OR n > 2"}, [0, 1, 2, 3, 4, 5]),
        ({"sql": "n < 6 AND s <> ''"}, [0, 1, 3, 4]),
    ],
)
def test_rows_that_break_a_rule_go_and_null_breaks_none_but_not_null(rule: dict[str, Any], ids: list[int]) -> None:
    assert kept(rule) == ids


def test_filter_keeps_only_rows_for_which_the_predicate_is_true() -> None:
    assert list(Pipeline([Filter("n < 6 AND s <> ''")]).fit(ROWS).transform(ROWS)["id"]) == [0, 4]


def test_a_rule_that_stops_the_job_names_rule_and_column_and_a_number_only_where_it_compares_one() -> None:
    with pytest.raises(DataError, match=r"^validate: column 's' breaks the rule \"matches '\^\[a-z\]\+\$'\"; clean it"):
        kept({"columns": "s", "matches": "^[a-z]+$", "level": "error"})
    with pytest.raises(DataError, match=r"^validate: column 'x' has the value -3\.0, outside the between 0 to; clean"):
        kept({"columns": "x", "between": [0, None], "level": "error"})


def test_every_mistake_is_told_with_its_place() -> None:
    wrong = [
        {"columns": "y", "not_null": True},
        {"columns": "s", "between": [0, 1]},
        {"columns": "n", "one_of": ["a"]},
        {"sql": "m > 1"},
    ]
    with pytest.raises(SchemaError) as caught:
        Validate(wrong).bind(nw.from_native(ROWS).collect_schema())
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "rules[0].columns",
        "rules[1].columns",
        "rules[2].one_of",
        "rules[3].sql",
    ]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"columns": "x"}, "needs one of not_null, between, .*; there is none"),
        ({"columns": "x", "not_null": True, "between": [0, 1]}, "got not_null and between"),
        ({"not_null": True}, "columns: go with every check but sql"),
        ({"columns": "x", "sql": "x > 1"}, "columns: go with every check but sql"),
        ({"columns": "x", "between": [2, 1]}, r"must be \[least, most\]"),
        ({"columns": "s", "matches": "(a"}, "no regular expression of RE2"),
        ({"sql": "x >"}, "is no SQL predicate"),
    ],
)
def test_a_rule_that_is_none_is_refused_before_any_data(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Validate([rule])
