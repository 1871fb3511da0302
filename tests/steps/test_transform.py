from __future__ import annotations

import math

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from genspark.columns.expressions import any_of, count_true
from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline.planner import make_plan
from genspark.steps import Scale, Transform

INF, NAN = math.inf, math.nan
ORACLE = {"log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "cbrt": np.cbrt}


@pytest.mark.parametrize("function", ORACLE)
def test_it_is_numpy_s_function(after, function):
    x = np.array([1e-12, 0.5, 1.0, 2.0, 1e10, 1e300])
    np.testing.assert_allclose(after({"x": x}, Transform("x", function))["x"], ORACLE[function](x), rtol=1e-15)


@pytest.mark.on_spark
@pytest.mark.parametrize("function", ORACLE)
def test_missing_becomes_null_and_infinity_stays(after, function):
    got = after({"x": [1.0, None, NAN, INF]}, Transform("x", function))["x"]
    assert got[1:] == [None, None, INF]


@pytest.mark.on_spark
def test_the_cube_root_of_numbers_of_either_sign_and_of_any_size(after):
    x = np.array([27.0, -27.0, 0.0, 1e-300, -1e300, 5e-324, 1.7e308, -0.5, INF, -INF])
    np.testing.assert_allclose(after({"x": x}, Transform("x", "cbrt"))["x"], np.cbrt(x), rtol=1e-15)
    assert not Transform("x", "cbrt", invalid="drop").filters


@pytest.mark.on_spark
@pytest.mark.parametrize(
    ("function", "inside", "outside"), [("log", 1e-300, 0.0), ("log1p", -0.999, -1.0), ("sqrt", 0.0, -1e-300)]
)
def test_the_edge_of_the_domain(after, function, inside, outside):
    got = after({"x": [inside, outside, -INF, None]}, Transform("x", function, invalid="null"))["x"]
    assert got == [pytest.approx(float(ORACLE[function](inside)), rel=1e-15), None, None, None]


@pytest.mark.parametrize("invalid", ["drop", "quarantine"])
def test_rows_outside_the_domain_go_and_missing_ones_stay(after, invalid):
    columns = {"id": [1, 2, 3, 4], "x": [1.0, -1.0, None, 0.0]}
    assert after(columns, Transform("x", "log", invalid=invalid)) == {"id": [1, 3], "x": [0.0, None]}


def test_an_error_names_step_column_value_and_remedy_in_memory(fitted):
    model = fitted({"fare": [1.0]}, Transform("fare", "log", name="bend"))
    with pytest.raises(DataError, match=r"bend: column 'fare' has the value -2.5, outside the log domain.*clean it"):
        model.transform(pl.DataFrame({"fare": [1.0, -2.5]}))


@pytest.mark.connect
@pytest.mark.on_spark
def test_an_error_stops_a_fit_with_the_same_names(fitted):
    with pytest.raises(DataError, match=r"^bend: column 'fare' has the value -2.5, outside the log domain") as stopped:
        fitted({"fare": [1.0, -2.5]}, Transform("fare", "log", name="bend"), Scale(columns="fare"))
    assert "\n" not in str(stopped.value)


@pytest.mark.connect
def test_an_error_stops_a_transform_on_spark_when_it_is_evaluated(fitted, frames, interpreted):
    model = fitted({"fare": [1.0]}, Transform("fare", "log"))
    out = model.transform(frames.of("spark", pa.table({"fare": [1.0, -2.5]})))
    with pytest.raises(Exception, match="column 'fare' has the value -2.5, outside the log domain"):
        out.collect()


@pytest.mark.on_spark
def test_a_clean_column_is_never_stopped(after):
    assert after({"x": [1.0, None, NAN]}, Transform("x", "log"))["x"] == [0.0, None, None]


@pytest.mark.parametrize("function", ORACLE)
def test_the_inverse_gives_the_values_back(fitted, function):
    x = [1e-12, 0.5, 1.0, 1e10]
    model = fitted({"x": x}, Transform("x", function))
    back = model.inverse_transform(model.transform(pl.DataFrame({"x": x})))["x"].to_list()
    assert back == pytest.approx(x, rel=1e-14)
    assert model.losses() == []


def test_the_inverse_passes_over_absent_columns(fitted):
    model = fitted({"x": [1.0]}, Transform("x", "log"))
    assert model.inverse_transform(pl.DataFrame({"z": [5]})).to_dict(as_series=False) == {"z": [5]}


def test_degenerate_columns_pass(after):
    assert after({"x": pa.array([None, None], pa.float64())}, Transform("x", "log"))["x"] == [None, None]
    assert after({"x": pa.array([], pa.float64())}, Transform("x", "log"))["x"] == []
    assert after({"x": [4]}, Transform("x", "sqrt"))["x"] == [2.0]


def test_nothing_is_learnt_so_nothing_is_scanned():
    assert make_plan([Transform("x", "log")], {"x": nw.Float64()}).scans == ()


def test_the_report_counts_values_outside_the_domain():
    counts = Transform(["x", "y"], "log", invalid="null").counts({})
    frame = nw.from_native(pl.DataFrame({"x": [1.0, 0.0, None], "y": [-1, -2, 3]}))
    assert frame.select(n=count_true(counts["log domain"]))["n"].to_list() == [1, 2, 0]
    # What is rejected the engine counts.
    assert not Transform("x", "log", invalid="drop").counts({})


def test_a_rejection_says_which_rule_by_what_value_and_against_what():
    (rejection,) = Transform("x", "log1p", invalid="quarantine").rejections({})
    assert (rejection.column, rejection.rule, rejection.action) == ("x", "log1p domain", "quarantine")
    assert rejection.bounds == (-1.0, None)
    frame = nw.from_native(pl.DataFrame({"x": [-1, 0, None]}))
    out = frame.select(broken=any_of([rejection.predicate]), value=rejection.value)
    assert out["broken"].to_list() == [True, False, False]
    assert out["value"].to_list() == [-1.0, 0.0, None]


def test_what_the_inverse_cannot_bring_back_is_said():
    expected = ["transform: values of 'x' outside the domain of log are gone"]
    assert list(Transform("x", "log", invalid="null").losses({})) == expected


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("fair", r"steps\[0\].transform.columns: 'fair' is not a column; did you mean 'fare'\?"),
        ("zone", "columns: 'zone' is String, and this step needs numbers"),
        ("q_*", r"columns: 'q_\*' matches no column with numbers"),
    ],
)
def test_columns_that_cannot_be_transformed_are_refused(columns, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([Transform(columns, "log")], {"fare": nw.Float64(), "zone": nw.String()})


def test_an_unknown_function_is_refused():
    with pytest.raises(ConfigError, match="one of log, log1p, sqrt, cbrt, box-cox, yeo-johnson"):
        Transform("x", "log2")
