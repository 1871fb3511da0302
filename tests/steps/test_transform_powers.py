"""Transformations whose power is learnt."""

from __future__ import annotations

import json
import math

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.preprocessing import PowerTransformer

from genspark.errors import DataError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.pipeline.planner import make_plan
from genspark.steps import Impute, Scale, Transform

INF, NAN = math.inf, math.nan
FUNCTIONS = ["box-cox", "yeo-johnson"]
POWERS = [-3.0, -1e-9, 0.0, 1e-9, 0.5, 1.0, 2.0, 2.0 + 1e-9, 5.0]


def frame(**columns):
    return pl.DataFrame(columns, strict=False)


def applied(function, power, values, *, inverse=False):
    """The function with a given power, or its inverse."""
    step = Transform("x", function)
    apply = step.inverse if inverse else step.transform
    made = apply(nw.from_native(pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)})), {"lambdas": {"x": power}})
    return made["x"].to_list()


def oracle(function, power):
    transformer = PowerTransformer(function, standardize=False).fit([[1.0], [2.0], [3.0]])
    transformer.lambdas_ = np.array([power])
    return lambda values: transformer.transform(np.array(values)[:, None])[:, 0]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("power", POWERS)
def test_it_is_scikit_learns_function(function, power):
    positive = np.exp(np.linspace(-30, 9, 50))
    values = positive if function == "box-cox" else np.concatenate([-positive, [0.0], positive])
    np.testing.assert_allclose(applied(function, power, values), oracle(function, power)(values), rtol=1e-13)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("power", POWERS)
def test_the_inverse_gives_the_values_back(function, power):
    positive = np.exp(np.linspace(-1, 1, 50))
    values = positive if function == "box-cox" else np.concatenate([-positive, [0.0], positive])
    back = applied(function, power, applied(function, power, values), inverse=True)
    np.testing.assert_allclose(back, values, rtol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("power", POWERS)
def test_missing_becomes_null_and_infinity_stays(function, power):
    values = [None, INF] if function == "box-cox" else [None, INF, -INF]
    assert applied(function, power, values) == values
    assert applied(function, power, values, inverse=True) == values


@pytest.mark.parametrize(
    ("function", "power", "value", "expected"),
    [
        ("box-cox", 2.0, -0.51, None),
        ("box-cox", 2.0, -0.5, 0.0),
        ("box-cox", -2.0, 0.51, None),
        ("box-cox", -2.0, 0.5, INF),
        ("yeo-johnson", -2.0, 0.51, None),
        ("yeo-johnson", -2.0, 0.5, INF),
        ("yeo-johnson", 4.0, -0.51, None),
        ("yeo-johnson", 4.0, -0.5, -INF),
    ],
)
def test_what_no_value_gives_has_no_inverse_and_the_end_has_its_own(function, power, value, expected):
    assert applied(function, power, [value], inverse=True) == [expected]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_column_learns_scikit_learns_power(function):
    random = np.random.default_rng(0)
    columns = {
        "a": random.lognormal(size=500),
        "b": random.gamma(4, size=500) * 1e5 + 1e6,
        "c": random.beta(8, 0.5, 500),
    }
    model = Pipeline([Transform("*", function)]).fit(frame(**columns))
    expected = PowerTransformer(function, standardize=False).fit(np.column_stack(list(columns.values()))).lambdas_
    assert list(model.parameters[0]["lambdas"].values()) == pytest.approx(list(expected), abs=1e-2)
    # What was to be searched further was searched in the second scan.
    assert list(model.parameters[0]) == ["lambdas"]


def test_missing_values_and_infinities_enter_no_power():
    values = np.random.default_rng(0).lognormal(size=300)
    clean = Pipeline([Transform("x", "yeo-johnson")]).fit(frame(x=values))
    holes = Pipeline([Transform("x", "yeo-johnson")]).fit(frame(x=[None, INF, *values, NAN, -INF]))
    power = clean.parameters[0]["lambdas"]["x"]
    assert holes.parameters[0]["lambdas"]["x"] == pytest.approx(power, rel=1e-9)


def test_there_is_one_scan_and_a_second_if_it_is_needed():
    seen = []
    pipeline = Pipeline([Transform("x", "box-cox")])
    random = np.random.default_rng(0)
    pipeline.fit(frame(x=random.lognormal(size=200)), on_scan=lambda number, _: seen.append(number))
    assert seen == [1]
    pipeline.fit(frame(x=random.beta(8, 0.5, 200)), on_scan=lambda number, _: seen.append(number))
    assert seen == [1, 1, 2]


def test_the_other_functions_learn_nothing():
    for function in ("log", "log1p", "sqrt", "cbrt"):
        plan = make_plan([Transform("x", function)], {"x": nw.Float64()})
        assert plan.scans == ()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("values", [[], [None, None], [3.0, 3.0, None], [0.1] * 9], ids=str)
def test_a_column_that_does_not_vary_has_power_one(function, values):
    table = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)})
    model = Pipeline([Transform("x", function)]).fit(table)
    assert model.parameters == ({"lambdas": {"x": 1.0}},)
    expected = [None if v is None else v - 1 if function == "box-cox" else v for v in values]
    assert model.transform(table)["x"].to_list() == expected


@pytest.mark.parametrize(
    ("values", "told"), [([1.0, 0.0], "0.0"), ([1.0, -2.5, -1.0], "-2.5"), ([1.0, 2.0, -INF], "-inf")], ids=str
)
def test_a_value_outside_the_domain_stops_the_fit_of_box_cox(values, told):
    message = f"bend: column 'fare' has the value {told}, outside the box-cox domain, which begins above 0; clean it"
    with pytest.raises(DataError, match=message):
        Pipeline([Transform("fare", "box-cox", name="bend")]).fit(frame(fare=values))


def test_a_value_outside_the_domain_stops_a_transform():
    model = Pipeline([Transform("fare", "box-cox", name="bend")]).fit(frame(fare=[1.0, 2.0, 5.0]))
    with pytest.raises(DataError, match=r"bend: column 'fare' has the value -2.5, outside the box-cox domain"):
        model.transform(frame(fare=[1.0, -2.5]))


@pytest.mark.parametrize("invalid", ["null", "drop", "quarantine"])
def test_values_outside_the_domain_enter_no_power(invalid):
    values = np.random.default_rng(0).lognormal(size=50)
    clean = Pipeline([Transform("x", "box-cox")]).fit(frame(x=values))
    dirty = Pipeline([Transform("x", "box-cox", invalid=invalid)]).fit(frame(x=[0.0, *values, -3.0]))
    assert dirty.parameters[0]["lambdas"]["x"] == pytest.approx(clean.parameters[0]["lambdas"]["x"], rel=1e-9)
    expected = clean.transform(frame(x=values))["x"].to_list()
    got = dirty.transform(frame(x=[0.0, *values, -3.0]))["x"].to_list()
    assert got == pytest.approx([None, *expected, None] if invalid == "null" else expected)


def test_yeo_johnson_takes_every_number_and_rejects_none():
    step = Transform("x", "yeo-johnson", invalid="drop")
    assert not step.filters
    assert not step.rejections({"lambdas": {"x": 0.5}})
    assert not step.losses({"lambdas": {"x": 0.5}})


def test_a_fill_before_it_costs_no_scan_of_its_own():
    values = [1.0, 2.0, 8.0, None, 5.0, 3.0]
    steps = [Impute("x", strategy="constant", value=4.0), Transform("x", "box-cox")]
    model = Pipeline(steps).fit(frame(x=values))
    alone = Pipeline([Transform("x", "box-cox")]).fit(frame(x=[4.0 if v is None else v for v in values]))
    assert model.parameters[1]["lambdas"]["x"] == pytest.approx(alone.parameters[0]["lambdas"]["x"], rel=1e-9)


def test_the_steps_after_it_see_the_transformed_values():
    values = np.random.default_rng(0).lognormal(size=300)
    table = frame(x=values)
    model = Pipeline([Transform("x", "yeo-johnson"), Scale("x")]).fit(table)
    expected = PowerTransformer().fit_transform(values[:, None])[:, 0]
    np.testing.assert_allclose(model.transform(table)["x"], expected, atol=1e-3)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_backends_give_the_same(function):
    values = np.random.default_rng(0).lognormal(size=40)
    model = Pipeline([Transform("x", function)]).fit(frame(x=values))
    expected = model.transform(frame(x=values))["x"].to_list()
    for backend in (pa.table, pd.DataFrame):
        np.testing.assert_allclose(model.transform(backend({"x": values}))["x"], expected, rtol=1e-14)


def test_a_saved_model_transforms_as_before():
    table = frame(x=np.random.default_rng(0).beta(8, 0.5, 100))
    model = Pipeline([Transform("x", "yeo-johnson")]).fit(table)
    again = PipelineModel.from_json(json.loads(json.dumps(model.to_json(), allow_nan=False)))
    assert again.transform(table).equals(model.transform(table))
