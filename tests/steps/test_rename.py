"""rename: other names for columns, by a mapping or a rule, and back."""

from __future__ import annotations

import polars as pl
import pytest

from genspark.columns.names import snake_case
from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Impute, Outliers, Rename, Scale

FRAME = pl.DataFrame({"Trip Distance": [1.0, None, 3.0], "b": [4.0, 5.0, 6.0], "a": ["x", "y", "z"]})


def test_the_mapping_wins_over_the_rule_and_the_inverse_gives_the_old_names_back():
    model = Pipeline([Rename({"b": "second"}, rule="snake_case")]).fit(FRAME)
    after = model.transform(FRAME)
    assert after.columns == ["trip_distance", "second", "a"]
    assert model.inverse_transform(after).equals(FRAME)
    assert model.losses() == []


def test_names_are_changed_all_at_once():
    after = Pipeline([Rename({"a": "b", "b": "a"})]).fit(FRAME).transform(FRAME)
    assert (after["a"].to_list(), after["b"].to_list()) == ([4.0, 5.0, 6.0], ["x", "y", "z"])


def test_columns_that_the_model_has_not_seen_keep_their_names():
    model = Pipeline([Rename(rule="snake_case")]).fit(FRAME)
    assert model.transform(FRAME.with_columns(Other=1)).columns == ["trip_distance", "b", "a", "Other"]
    with pytest.raises(SchemaError, match="'Trip Distance' and 'trip_distance' would both be 'trip_distance'; drop"):
        model.transform(FRAME.with_columns(trip_distance=1))


def test_what_was_read_under_the_old_name_needs_no_other_scan():
    steps = [Impute("Trip Distance"), Rename(rule="snake_case"), Impute("b"), Scale(("trip_distance", "b"))]
    assert len(Pipeline(steps).plan(FRAME).scans) == 1
    model = Pipeline(steps).fit(FRAME)
    assert model.parameters[3]["maps"]["trip_distance"] == pytest.approx([2.0, (2 / 3) ** 0.5, 0.0])


def test_a_scan_after_a_filter_finds_the_new_name():
    steps = [Rename({"Trip Distance": "d"}), Outliers("b", threshold=1.0), Scale("d")]
    assert Pipeline(steps).fit(FRAME).parameters[2]["maps"]["d"][0] == 0.0  # 4 and 6 lie out, 5 has no distance


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Trip Distance (km)", "trip_distance_km"),
        ("tripDistanceKm", "trip_distance_km"),
        ("HTTPServer2Go", "http_server2_go"),
        ("  a.b;c=d\n", "a_b_c_d"),
        ("_id__x", "_id__x"),
        ("GRÖSSE", "grösse"),
        ("größeMax", "größe_max"),
        ("cafe\u0301", "café"),
        ("1st", "1st"),
        ("(%)", ""),
    ],
)
def test_snake_case(name, expected):
    assert snake_case(name) == expected
    assert snake_case(expected) == expected


@pytest.mark.parametrize(("rule", "name", "expected"), [("lower", "A b", "a b"), ("strip", " A b\t", "A b")])
def test_the_other_rules(rule, name, expected):
    frame = pl.DataFrame({name: [1]})
    assert Pipeline([Rename(rule=rule)]).fit(frame).transform(frame).columns == [expected]


@pytest.mark.parametrize(
    ("names", "step", "message"),
    [
        (["A b", "a_b"], Rename(rule="snake_case"), "'A b' and 'a_b' would both be 'a_b'; give one of them another"),
        (["a", "b"], Rename({"a": "b"}), "'a' and 'b' would both be 'b'"),
        (["%"], Rename(rule="snake_case"), "the rule snake_case leaves nothing of '%'; give it a name in columns"),
        (["far"], Rename({"fare": "x"}), "'fare' is not a column; did you mean 'far'"),
        (["a"], Rename({"a": "^a$"}), r"'\^a\$', for 'a', means something else to an engine"),
    ],
)
def test_names_that_cannot_be(names, step, message):
    with pytest.raises(SchemaError, match=message):
        Pipeline([step]).fit(pl.DataFrame({name: [1.0] for name in names}))


def test_wrong_arguments():
    with pytest.raises(ConfigError, match="^rename: needs columns, such as"):
        Rename()
    with pytest.raises(ConfigError, match="^rename.rule: must be one of snake_case, lower, strip; got 'snake'"):
        Rename(rule="snake")
