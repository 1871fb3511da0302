"""The step validate: what breaks a rule, and what becomes of it."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pytest

from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel
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
    with pytest.raises(SchemaError, match=r"^steps\[0\].filter.where: 'm' is not a column"):
        Pipeline([Filter("m < 6")]).fit(ROWS)


def test_a_rule_that_stops_the_job_names_rule_and_column_and_a_number_only_where_it_compares_one() -> None:
    with pytest.raises(DataError, match=r"^validate: column 's' breaks the rule \"matches '\^\[a-z\]\+\$'\"; clean it"):
        kept({"columns": "s", "matches": "^[a-z]+$", "level": "error"})
    with pytest.raises(DataError, match=r"column 'x' has the value -3\.0, which breaks the rule 'between 0 to'; clean"):
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
        ({"columns": "s", "unique": True}, "unique: no row breaks it alone; the step expect"),
        ({"columns": "s", "matches": "(a"}, "no regular expression of RE2"),
        ({"sql": "x >"}, "is no SQL predicate"),
        ({"sql": "s RLIKE '(a'"}, r"sql: '\(a' is no regular expression of RE2"),
    ],
)
def test_a_rule_that_is_none_is_refused_before_any_data(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Validate([rule])


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("integer", ["0", "-7", "+12", "9223372036854775807"], ["", "1.0", " 1", "9223372036854775808", "\u0661"]),
        ("number", ["1", "-1.5", ".5", "1e-3", "2."], ["", ".", "1,5", "nan", "1e", "0x1"]),
        ("boolean", ["true", "FALSE"], ["yes", "1", "truely"]),
        ("date", ["2024-02-29"], ["2023-02-29", "2024-2-29", "29.02.2024", "2024-02-29 10:00"]),
        (
            "timestamp",
            ["2024-02-29T10:00", "2024-02-29 23:59:59.123Z", "2024-02-29T00:00:00+02:00"],
            ["2024-02-30T10:00", "2024-02-29", "2024-02-29T24:00", "2024-02-29T10:60"],
        ),
        ("uuid", ["123e4567-E89B-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000", "x"]),
        ("json", ["{}", "[1, null]", '"a"'], ["{", "{'a': 1}", "NaN", ""]),
    ],
)
def test_text_that_cannot_be_read_as_a_type_breaks_the_rule(name: str, good: list[str], bad: list[str]) -> None:
    rows = pl.DataFrame({"text": [*good, None, *bad]})
    step = Validate([{"columns": "text", "type": name, "level": "drop"}])
    assert Pipeline([step]).fit(rows).transform(rows)["text"].to_list() == [*good, None]


@pytest.fixture
def zones(tmp_path: Any) -> Any:
    """A reference in each format: codes and numbers."""
    frame = pl.DataFrame({"code": ["ab", "b", None, "b"], "n": [1, 3, None, 6], "x": [1.0, 2.0, 3.0, 4.0]})
    frame.write_csv(tmp_path / "zones.csv")
    frame.write_parquet(tmp_path / "zones.parquet")
    frame.write_delta(tmp_path / "zones")
    return tmp_path


@pytest.mark.parametrize("table", ["zones.csv", "zones.parquet", "zones", "z*.parquet"])
def test_values_are_looked_up_in_another_table_and_the_model_needs_it_no_more(zones: Any, table: str) -> None:
    rules = [
        {"columns": "s", "exists_in": {"table": str(zones / table), "column": "code"}, "level": "drop"},
        {"columns": "n", "exists_in": {"table": str(zones / table), "column": "n"}, "level": "drop"},
    ]
    assert kept(rules[0]) == [0, 1, 5]
    model = Pipeline([Validate(rules)]).fit(ROWS)
    for path in (zones / "zones.csv", zones / "zones.parquet"):
        path.unlink()
    assert list(PipelineModel.from_json(model.to_json()).transform(ROWS)["id"]) == [0, 5]


@pytest.mark.parametrize(
    ("column", "reference", "problem"),
    [
        ("s", {"table": "gone.parquet", "column": "code"}, "cannot be read: there is nothing at that path"),
        ("s", {"table": "zones.parquet", "column": "cod"}, "has no column 'cod'.*'code'"),
        ("s", {"table": "zones.parquet", "column": "n"}, "'s' is String and 'n' of .* is Int64; cast one of them"),
        ("x", {"table": "zones.parquet", "column": "x"}, "'x' is Float64; whole numbers and text are looked up"),
    ],
)
def test_a_reference_that_is_gone_or_another_is_refused_before_work(
    zones: Any, column: str, reference: dict[str, str], problem: str
) -> None:
    rule = {"columns": column, "exists_in": {**reference, "table": str(zones / reference["table"])}}
    with pytest.raises(SchemaError, match=f"rules\\[0\\].exists_in: .*{problem}"):
        Pipeline([Validate([rule])]).plan(ROWS)


def test_text_of_a_reference_is_in_no_error(tmp_path: Any) -> None:
    table = tmp_path / "people.csv"
    step = Validate([{"columns": "n", "exists_in": {"table": str(table), "column": "who"}}])
    table.write_text("who\nJane Doe\n", encoding="utf-8")
    with pytest.raises(SchemaError, match="'n' is Int64 and 'who' of .* has values that are no whole numbers"):
        Pipeline([step]).plan(ROWS)
    # One that no look at the first rows finds.
    table.write_text("who\n" + "12\n" * 10_000 + "Jane Doe\n", encoding="utf-8")
    with pytest.raises(DataError, match="has values that are no whole numbers; cast") as caught:
        Pipeline([step]).fit(ROWS)
    assert "Jane" not in str(caught.value)
