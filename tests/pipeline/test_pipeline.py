"""Fitting: what is learnt, from which rows, and that nothing but the rows decides it."""

from __future__ import annotations

import json
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from genspark.errors import DataError, SchemaError
from genspark.pipeline import Pipeline
from genspark.statistics import Moments, Quantiles
from genspark.steps import Impute, Outliers, Scale, Split, Transform

PARTS = {"train": 0.5, "test": 0.5}


@pytest.fixture(scope="module")
def table() -> pa.Table:
    random = np.random.default_rng(0)
    x = random.standard_normal(300) * 5 + 20
    x[5] = 400.0
    return pa.table(
        {"id": np.arange(300), "x": pa.array(x, mask=random.random(300) < 0.1), "part": ["a", "b", "c"] * 100}
    )


STEPS = [Split(PARTS, seed=1), Impute("x"), Outliers("x"), Scale("x")]


def learnt(parameters: Any) -> list[float]:
    """Every number that the steps learnt, in order."""
    if isinstance(parameters, dict):
        parameters = list(parameters.values())
    if isinstance(parameters, list | tuple):
        return [number for item in parameters for number in learnt(item)]
    return [parameters] if isinstance(parameters, float) else []


@pytest.mark.connect("backend_of_fit")
@pytest.mark.on_spark
def test_each_step_learns_from_what_the_steps_before_it_leave(fitted, table):
    x = table["x"].to_numpy(zero_copy_only=False)
    mean = np.nanmean(x)
    x = np.nan_to_num(x, nan=mean)
    low, high = x.mean() - 3 * x.std(), x.mean() + 3 * x.std()
    kept = x[(x >= low) & (x <= high)]
    _, impute, outliers, scale = fitted(table, *STEPS).parameters
    assert impute["values"] == {"x": pytest.approx(mean, rel=1e-12)}
    assert outliers["bounds"] == {"x": pytest.approx([low, high], rel=1e-12)}
    assert scale["maps"] == {"x": pytest.approx([kept.mean(), kept.std(), 0.0], rel=1e-12)}
    assert len(kept) == 299


# --- fit_on -------------------------------------------------------------------------------------------------


def test_statistics_see_the_rows_of_one_split_alone(frames, interpreted, table):
    df = frames.of("spark", table)
    model = Pipeline([Split(PARTS, seed=1), Impute("x")], key=["id"], fit_on={"split": "train"}).fit(df)
    out = frames.table(model.transform(df))
    is_train = np.array(out["split"].to_pylist()) == "train"
    x = table["x"].to_numpy(zero_copy_only=False)
    assert 100 < is_train.sum() < 200
    assert model.parameters[1]["values"]["x"] == pytest.approx(np.nanmean(x[is_train]), rel=1e-12)
    # Every row is transformed, and by what the one part taught.
    assert out.num_rows == 300
    np.testing.assert_allclose(out["x"].to_numpy(), np.nan_to_num(x, nan=model.parameters[1]["values"]["x"]))


def test_fit_on_takes_columns_of_the_input(fitted, table):
    model = fitted(table, Impute("x"), fit_on={"part": "b"})
    x = table["x"].to_numpy(zero_copy_only=False)[1::3]
    assert model.parameters[0]["values"]["x"] == pytest.approx(np.nanmean(x), rel=1e-12)


def test_fit_on_takes_several_columns_together(frames, interpreted, table):
    df = frames.of("spark", table)
    steps = [Split(PARTS, seed=1), Scale("x")]
    model = Pipeline(steps, key=["id"], fit_on={"split": "train", "part": "b"}).fit(df)
    (state,) = (state for statistic, _, state in model.states if statistic == Moments(("x",)))
    both = pl.from_arrow(frames.table(model.transform(df))).filter(split="train", part="b")
    assert state["count"] + state["missing"] == len(both)


def test_fit_on_a_value_that_no_row_has_learns_nothing(fitted, table):
    assert fitted(table, Impute("x"), fit_on={"part": "z"}).parameters[0]["values"] == {"x": None}


@pytest.mark.parametrize(
    ("fit_on", "message"),
    [
        ({"splt": "train"}, "fit_on: 'splt' is not a column; did you mean 'split'?"),
        ({"x_is_missing": True}, "fit_on: 'x_is_missing' is made by impute, which is not known before fitting"),
    ],
)
def test_a_fit_on_that_cannot_be_known_is_refused(fit_on, message):
    steps = [Split(PARTS), Impute("x", indicator=True)]
    with pytest.raises(SchemaError) as refused:
        Pipeline(steps, fit_on=fit_on).plan_for({"x": nw.Float64()})
    assert message in str(refused.value)


# --- the same rows, the same model --------------------------------------------------------------------------


def test_two_fits_write_the_same_model(fitted, table):
    models = [fitted(table, *STEPS, key=["id"]).to_json() for _ in range(2)]
    assert models[0] == models[1]


def test_two_fits_of_sketches_differ_in_nothing_else(fitted, table):
    steps = [Impute("x", "median"), Outliers("x", "iqr", action="clip")]
    models = [fitted(table, *steps).to_json() for _ in range(2)]
    for model in models:
        del model["sha256"]
        for state in model["states"]:
            state["state"].pop("sketch", None)
    assert models[0] == models[1]


@pytest.mark.parametrize("partitions", [1, 7])
def test_partitions_and_the_order_of_rows_do_not_matter(frames, fitted, interpreted, table, partitions):
    model = fitted(table, *STEPS, key=["id"])
    shuffled = frames.of("spark", table).repartition(partitions, "x").orderBy("part")
    other = Pipeline(STEPS, key=["id"]).fit(shuffled)
    assert learnt(other.parameters) == pytest.approx(learnt(model.parameters), rel=1e-12)


# --- what can be fitted -------------------------------------------------------------------------------------


def test_no_steps_change_nothing(after):
    assert after({"x": [1, None], "s": ["a", None]}) == {"x": [1, None], "s": ["a", None]}


def test_columns_that_no_step_names_pass_through_in_their_order(after):
    got = after({"b": [1.0, 3.0], "a": ["x", None], "c": [[1], []]}, Scale("b"))
    assert got == {"b": [-1.0, 1.0], "a": ["x", None], "c": [[1], []]}


@pytest.mark.parametrize("build", [pl.DataFrame, pl.LazyFrame, pd.DataFrame, pa.table])
def test_a_frame_in_memory_is_fitted_without_spark(build):
    model = Pipeline([Impute("x"), Scale("x")]).fit(build({"x": [1.0, None, 4.0]}))
    x = np.array([1.0, 2.5, 4.0])
    assert model.parameters[0]["values"] == {"x": 2.5}
    got = nw.from_native(model.transform(build({"x": [1.0, None, 4.0]}))).lazy().collect()["x"].to_list()
    assert got == pytest.approx((x - x.mean()) / x.std())


@pytest.mark.parametrize("thing", [[1, 2], {"x": [1]}, None], ids=repr)
def test_what_is_no_frame_is_refused(thing):
    with pytest.raises(SchemaError, match="give a Spark"):
        Pipeline([Scale("x")]).fit(thing)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (["idd"], "key: 'idd' is not a column; did you mean 'id'?"),
        (["tags"], "key: 'tags' is List(String), which cannot be hashed; name another column"),
    ],
)
def test_a_key_that_is_none_is_refused(key, message):
    schema = {"id": nw.Int64(), "tags": nw.List(nw.String())}
    with pytest.raises(SchemaError) as refused:
        Pipeline([Split(PARTS)], key=key).plan_for(schema)
    assert message in str(refused.value)


def test_a_table_with_nothing_to_hash_needs_no_key_unless_a_step_draws():
    schema = {"amount": nw.Decimal(10, 2)}
    assert Pipeline([Scale("amount")]).plan_for(schema).output_schema == {"amount": nw.Float64()}
    with pytest.raises(SchemaError, match="no column holds values that can be hashed"):
        Pipeline([Split(PARTS)]).plan_for(schema)


def test_the_model_records_what_it_was_fitted_on(frames, interpreted, table):
    source = {"path": "data/trips", "version": 3}
    model = Pipeline([Scale("x")], key=["id"]).fit(frames.of("spark", table), source=source)
    assert model.source == source
    assert model.input_schema == {"id": "Int64", "x": "Float64", "part": "String"}
    assert model.key == ()  # nothing is drawn, so nothing needs it
    ((statistic, at, state),) = model.states
    assert (statistic, at, state["count"] + state["missing"]) == (Moments(("x",)), 0, 300)


def test_states_of_one_column_at_two_places_are_kept_apart(fitted):
    x = [1.0, 2.0, 3.0, 100.0]
    model = fitted({"x": x}, Outliers("x", "iqr", action="clip"), Transform("x", "log"), Scale("x"))
    states = {(statistic, at): state["count"] for statistic, at, state in model.states}
    assert states == {(Quantiles(("x",)), 0): 4, (Moments(("x",)), 2): 4}
    assert json.loads(json.dumps(model.to_json())) == model.to_json()


# --- real data ----------------------------------------------------------------------------------------------


def test_the_titanic(spark, data):
    passengers = pd.read_csv(data / "titanic.csv")
    df = spark.createDataFrame(passengers[["age", "fare", "embarked"]].astype({"embarked": "string"}))
    model = Pipeline([Impute("age", "median"), Impute("embarked", "mode"), Scale("fare")]).fit(df)
    assert model.parameters[0]["values"] == {"age": passengers.age.median()}
    assert model.parameters[1]["values"] == {"embarked": "S"}
    fare = model.parameters[2]["maps"]["fare"]
    assert fare == pytest.approx([passengers.fare.mean(), passengers.fare.std(ddof=0), 0.0], rel=1e-12)
    assert model.transform(df).filter("age is null or embarked is null").count() == 0


@pytest.mark.connect
def test_moments_that_overflow_name_the_column(spark):
    frame = spark.createDataFrame([(1e200,), (-1e200,)], "big double")
    with pytest.raises(DataError, match="the moments of 'big' overflow"):
        Pipeline([Scale("big")]).fit(frame)
