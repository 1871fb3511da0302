from __future__ import annotations

import math

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.impute import SimpleImputer

from genspark.columns.expressions import count_true
from genspark.errors import ConfigError, SchemaError
from genspark.pipeline.planner import make_plan
from genspark.steps import Impute

INF, NAN = math.inf, math.nan
SCHEMA = {"fare": nw.Float64(), "tip": nw.Float64(), "zone": nw.String(), "paid": nw.Boolean(), "n": nw.Int16()}


@pytest.mark.on_spark
def test_mean_fills_null_and_nan(after):
    assert after({"x": [1.0, None, 3.0, NAN]}, Impute(columns="x"))["x"] == [1.0, 2.0, 3.0, 2.0]


def test_median_is_interpolated_as_numpy_does(after):
    assert after({"x": [1.0, None, 2.0, 10.0, 4.0]}, Impute(columns="x", strategy="median"))["x"][1] == 3.0


def test_exact_median(after):
    step = Impute(columns="x", strategy="median", rank_error=0)
    assert after({"x": [1.0, None, 2.0, 10.0]}, step)["x"] == [1.0, 2.0, 2.0, 10.0]


@pytest.mark.parametrize("strategy", ["mean", "median", "mode"])
def test_it_fills_as_scikit_learn_does(after, strategy):
    values = np.random.default_rng(0).integers(0, 9, (60, 2)).astype(float)
    values[np.random.default_rng(1).random((60, 2)) < 0.3] = NAN
    name = "most_frequent" if strategy == "mode" else strategy
    expected = SimpleImputer(strategy=name).fit_transform(values)
    got = after({"a": values[:, 0], "b": values[:, 1]}, Impute(columns=["a", "b"], strategy=strategy))
    np.testing.assert_allclose(np.column_stack([got["a"], got["b"]]), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("values", "filled"),
    [
        (["b", None, "a", "b"], "b"),
        (["b", None, "a"], "a"),
        ([3, None, 1, 3], 3),
        ([True, False, None], False),
        ([0.5, NAN, 0.5, None, 2.0], 0.5),
    ],
    ids=["string", "string tie", "integer", "boolean tie", "float"],
)
def test_mode_takes_any_plain_column_and_the_smallest_of_a_tie(after, values, filled):
    expected = [filled if value is None or value != value else value for value in values]
    assert after({"x": pa.array(values)}, Impute(columns="x", strategy="mode"))["x"] == expected


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (pa.array(["a", None]), "none", ["a", "none"]),
        (pa.array([1.5, None]), 0, [1.5, 0.0]),
        (pa.array([1, None], pa.int16()), 7, [1, 7]),
        (pa.array([1, None], pa.int16()), 0.5, [1.0, 0.5]),
        (pa.array([True, None]), False, [True, False]),
    ],
)
def test_constant_fills_what_its_value_fits(after, column, value, expected):
    got = after({"x": column}, Impute(columns="x", strategy="constant", value=value))["x"]
    assert got == expected
    assert [type(item) for item in got] == [type(item) for item in expected]


@pytest.mark.on_spark
@pytest.mark.parametrize(
    "step", [Impute(columns="n", strategy="mode"), Impute(columns="n", strategy="constant", value=7)]
)
def test_a_small_integer_stays_one(fitted, frames, backend_of_fit, step):
    table = pa.table({"n": pa.array([1, None, 1], pa.int16())})
    out = fitted(table, step).transform(frames.of(backend_of_fit, table))
    assert nw.from_native(out).collect_schema()["n"] == nw.Int16()


def test_mean_makes_an_integer_a_float(after):
    assert after({"x": [1, None, 2]}, Impute(columns="x"))["x"] == [1.0, 1.5, 2.0]


@pytest.mark.on_spark
@pytest.mark.parametrize("strategy", ["mean", "median", "mode"])
def test_infinities_are_values_that_enter_no_statistic(after, strategy):
    got = after({"x": [2.0, INF, None, 2.0, -INF, INF, INF]}, Impute(columns="x", strategy=strategy))["x"]
    assert got == [2.0, INF, 2.0, 2.0, -INF, INF, INF]


@pytest.mark.parametrize("strategy", ["mean", "median", "mode"])
def test_a_column_with_no_value_keeps_its_nulls(after, strategy):
    columns = {"x": pa.array([None, None], pa.float64()), "y": [1.0, None]}
    got = after(columns, Impute(columns=["x", "y"], strategy=strategy))
    assert got == {"x": [None, None], "y": [1.0, 1.0]}


def test_a_constant_fills_even_a_column_with_no_value(after):
    columns = {"x": pa.array([None, None], pa.float64())}
    assert after(columns, Impute(columns="x", strategy="constant", value=1.0))["x"] == [1.0, 1.0]


@pytest.mark.parametrize("strategy", ["mean", "median", "mode"])
def test_no_rows_stay_no_rows(after, strategy):
    assert after({"x": pa.array([], pa.float64())}, Impute(columns="x", strategy=strategy)) == {"x": []}


def test_the_indicator_tells_what_was_filled(after):
    got = after({"x": [1.0, None, NAN, INF], "s": ["a", None, "", "a"]}, Impute(["x", "s"], "mode", indicator=True))
    assert got["x_is_missing"] == [False, True, True, False]
    assert got["s_is_missing"] == [False, True, False, False]


def test_new_data_is_filled_with_what_was_learnt(fitted):
    model = fitted({"x": [1.0, None, 3.0]}, Impute(columns="x"))
    assert model.transform(pl.DataFrame({"x": [None, 100.0]}))["x"].to_list() == [2.0, 100.0]


def test_the_inverse_takes_the_indicator_away(fitted):
    model = fitted({"x": [1.0, None, 3.0]}, Impute(columns="x", indicator=True))
    assert model.inverse_transform(pl.DataFrame({"x": [2.0], "x_is_missing": [True]})).columns == ["x"]
    assert model.losses() == ["impute: imputed values of 'x' stay; which were missing is not undone"]


def test_the_report_counts_what_is_filled():
    counts = Impute(columns=["x", "y"]).counts({"values": {"x": 1.0, "y": None}, "to_float": ["x", "y"]})
    frame = nw.from_native(pl.DataFrame({"x": [None, 1.0, None], "y": [None, None, None]}))
    assert frame.select(n=count_true(counts["filled"]))["n"].to_list() == [1, 0, 1]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Impute(columns="fair"), r"steps\[0\].impute.columns: 'fair' is not a column; did you mean 'fare'\?"),
        (Impute(columns="zone"), r"columns: 'zone' is String, and this step needs numbers"),
        (Impute(columns="pixel_*"), r"columns: 'pixel_\*' matches no column with numbers"),
        (Impute(columns="n", strategy="constant", value="x"), r"value: 'x' does not fit column 'n', which is Int16"),
        (Impute(columns="zone", strategy="constant", value=1), r"value: 1 does not fit column 'zone', which is String"),
        (Impute(columns="n", strategy="constant", value=True), r"value: True does not fit column 'n'"),
    ],
    ids=["absent", "type", "pattern", "constant string", "constant number", "constant boolean"],
)
def test_what_cannot_be_imputed_is_refused_before_anything_runs(step, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([step], SCHEMA)


def test_every_mistake_is_reported_at_once():
    with pytest.raises(SchemaError) as refused:
        make_plan([Impute(columns=["fair", "zone", "q*"]), Impute(columns="typ")], SCHEMA)
    assert len(refused.value.problems) == 4


def test_a_pattern_takes_the_numeric_matches_in_the_schema_s_order():
    assert make_plan([Impute(columns=["tip", "*"])], SCHEMA).steps[0].columns == ("fare", "tip", "n")


def test_an_indicator_never_takes_the_place_of_a_column():
    schema = {"x": nw.Float64(), "x_is_missing": nw.String()}
    assert make_plan([Impute("x")], schema)
    with pytest.raises(SchemaError, match=r"steps\[0\].impute.'x_is_missing' is already a column"):
        make_plan([Impute("x", indicator=True)], schema)


@pytest.mark.parametrize(
    "fields",
    [
        {"columns": "x", "strategy": "constant"},
        {"columns": "x", "value": 1.0},
        {"columns": []},
        {"columns": "x", "strategy": "average"},
        {"columns": "x", "rank_error": -0.1},
        {"columns": "x", "strategey": "mean"},
    ],
)
def test_fields_that_make_no_sense_are_refused(fields):
    with pytest.raises(ConfigError):
        Impute(**fields)
