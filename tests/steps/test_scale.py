from __future__ import annotations

import math

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline.planner import make_plan
from genspark.steps import Scale

INF, NAN = math.inf, math.nan


def test_standard_gives_mean_zero_and_deviation_one(after):
    assert after({"x": [1.0, None, 3.0]}, Scale(columns="x"))["x"] == [-1.0, None, 1.0]


def test_minmax_gives_the_range(after):
    assert after({"x": [1.0, None, 3.0, 2.0]}, Scale(columns="x", method="minmax"))["x"] == [0.0, None, 1.0, 0.5]
    step = Scale(columns="x", method="minmax", range=(-2, 2))
    assert after({"x": [1.0, 3.0, 2.0]}, step)["x"] == [-2.0, 2.0, 0.0]


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((200, 3)) * [1, 0.5, 10] + [0, 1000, -5]
    x[np.random.default_rng(1).random((200, 3)) < 0.1] = NAN
    return x


@pytest.mark.parametrize(
    ("step", "oracle"),
    [
        (Scale(columns=["a", "b", "c"]), StandardScaler()),
        (Scale(columns=["a", "b", "c"], method="minmax"), MinMaxScaler()),
        (Scale(columns=["a", "b", "c"], method="minmax", range=(-1, 3)), MinMaxScaler((-1, 3))),
        (Scale(columns=["a", "b", "c"], method="robust", rank_error=0), RobustScaler()),
        (Scale(columns=["a", "b", "c"], method="robust"), RobustScaler()),
        (Scale(columns=["a", "b", "c"], method="maxabs"), MaxAbsScaler()),
    ],
    ids=["standard", "minmax", "minmax range", "robust, exact", "robust, sketch of few values", "maxabs"],
)
def test_it_scales_as_scikit_learn_does(after, values, step, oracle):
    got = after(dict(zip("abc", values.T, strict=True)), step)
    expected = oracle.fit_transform(values)
    for column, name in zip(expected.T, "abc", strict=True):
        mine = [NAN if value is None else value for value in got[name]]
        np.testing.assert_allclose(mine, column, rtol=1e-11, atol=1e-11)


@pytest.mark.on_spark
def test_nan_becomes_null(after):
    assert after({"x": [1.0, NAN, 3.0]}, Scale(columns="x"))["x"] == [-1.0, None, 1.0]


def test_robust_gives_median_zero_and_interquartile_range_one(after):
    x = [0.0, 1.0, 2.0, 3.0, 1000.0, None]
    assert after({"x": x}, Scale(columns="x", method="robust"))["x"] == [-1.0, -0.5, 0.0, 0.5, 499.0, None]


def test_maxabs_gives_the_largest_value_one_of_its_sign(after):
    assert after({"x": [1.0, -4.0, 0.0, None]}, Scale(columns="x", method="maxabs"))["x"] == [0.25, -1.0, 0.0, None]


@pytest.mark.parametrize(("method", "expected"), [("standard", 0.0), ("minmax", 5.0), ("robust", 0.0)])
@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, -3.0])
def test_a_constant_column_goes_to_zero_or_the_lower_end(after, method, expected, value):
    step = Scale(columns="x", method=method, range=(5, 6))
    assert after({"x": [value] * 10 + [None]}, step)["x"] == [expected] * 10 + [None]


@pytest.mark.parametrize(("value", "expected"), [(0.1, 1.0), (-3.0, -1.0), (0.0, 0.0)])
def test_maxabs_takes_a_constant_column_to_its_sign(after, value, expected):
    assert after({"x": [value, None]}, Scale(columns="x", method="maxabs"))["x"] == [expected, None]


@pytest.mark.parametrize("method", ["standard", "minmax", "robust", "maxabs"])
def test_an_all_null_column_stays_null_and_no_rows_stay_none(after, method):
    nothing = pa.array([None, None], pa.float64())
    assert after({"x": nothing}, Scale(columns="x", method=method))["x"] == [None, None]
    assert after({"x": pa.array([], pa.float64())}, Scale(columns="x", method=method))["x"] == []


@pytest.mark.parametrize("method", ["standard", "minmax"])
def test_one_row_is_a_constant(after, method):
    assert after({"x": [7.0]}, Scale(columns="x", method=method))["x"] == [0.0]


@pytest.mark.on_spark
@pytest.mark.parametrize(
    ("method", "one", "three"),
    [("standard", -1.0, 1.0), ("minmax", 0.0, 1.0), ("robust", -1.0, 1.0), ("maxabs", 1 / 3, 1.0)],
)
def test_infinities_stay_and_enter_no_statistic(after, method, one, three):
    got = after({"x": [1.0, INF, 3.0, -INF]}, Scale(columns="x", method=method))["x"]
    assert got == [one, INF, three, -INF]


def test_integers_become_floats(after):
    assert after({"x": [1, None, 3]}, Scale(columns="x"))["x"] == [-1.0, None, 1.0]


@pytest.mark.on_spark
def test_an_offset_of_1e8_costs_no_digits(after):
    x = np.random.default_rng(2).standard_normal(500) + 1e8
    expected = (x - 1e8 - (x - 1e8).mean()) / (x - 1e8).std()
    np.testing.assert_allclose(after({"x": x}, Scale(columns="x"))["x"], expected, atol=1e-6)


@pytest.mark.parametrize(
    "step",
    [
        Scale(columns=["x", "c"]),
        Scale(columns=["x", "c"], method="minmax", range=(-1, 1)),
        Scale(columns=["x", "c"], method="robust"),
        Scale(columns=["x", "c"], method="maxabs"),
    ],
)
def test_the_inverse_gives_the_values_back(fitted, step):
    x, c = [1.0, 3.5, -200.0, None], [0.1] * 4
    model = fitted({"x": x, "c": c}, step)
    frame = pl.DataFrame({"x": x, "c": c})
    back = model.inverse_transform(model.transform(frame))
    assert back["x"].to_list() == [*(pytest.approx(value, rel=1e-13) for value in x[:3]), None]
    assert back["c"].to_list() == c
    assert model.losses() == []


def test_the_inverse_passes_over_absent_columns(fitted):
    model = fitted({"x": [1.0, 3.0], "y": [0.0, 2.0]}, Scale(columns=["x", "y"]))
    assert model.inverse_transform(pl.DataFrame({"y": [1.0], "z": [5]})).to_dict(as_series=False) == {
        "y": [2.0],
        "z": [5],
    }
    assert model.inverse_transform(pl.DataFrame({"z": [5]})).to_dict(as_series=False) == {"z": [5]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("fair", r"steps\[0\].scale.columns: 'fair' is not a column; did you mean 'fare'\?"),
        ("zone", "columns: 'zone' is String, and this step needs numbers"),
        ("q_*", r"columns: 'q_\*' matches no column with numbers"),
    ],
)
def test_columns_that_cannot_be_scaled_are_refused(columns, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([Scale(columns=columns)], {"fare": nw.Float64(), "zone": nw.String()})


def test_a_range_that_does_not_ascend_is_refused():
    with pytest.raises(ConfigError, match=r"the lower end must be below the upper; got \[1.0, 0.0\]"):
        Scale(columns="x", method="minmax", range=(1, 0))
