from __future__ import annotations

import math

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.preprocessing import KBinsDiscretizer

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline
from genspark.pipeline.planner import make_plan
from genspark.steps import Bucketize

INF, NAN = math.inf, math.nan


def after(values, step, backend=pl.DataFrame):
    model = Pipeline([step]).fit(pl.DataFrame({"x": values}, strict=False))
    return model.transform(backend({"x": values}))["x"].to_list()


def test_a_value_goes_to_the_bucket_that_begins_at_or_below_it():
    step = Bucketize("x", edges=[0.0, 1.0, 10.0])
    assert after([-0.5, 0.0, 0.5, 1.0, 9.99, 10.0, 1e9], step) == [0, 1, 1, 2, 2, 3, 3]


def test_missing_stays_null_and_infinities_go_to_the_ends():
    assert after([NAN, None, INF, -INF], Bucketize("x", edges=[0.0, 1.0])) == [None, None, 2, 0]


@pytest.mark.parametrize("backend", [pl.DataFrame, pa.table, pd.DataFrame])
@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_it_is_numpys_digitize(backend, count):
    edges = np.sort(np.random.default_rng(count).standard_normal(count))
    values = np.concatenate([np.random.default_rng(0).standard_normal(300), edges])
    model = Pipeline([Bucketize("x", edges=edges.tolist())]).fit(pl.DataFrame({"x": values}))
    assert list(np.asarray(model.transform(backend({"x": values}))["x"])) == list(np.digitize(values, edges))


def test_buckets_of_as_many_values_are_scikit_learns():
    values = np.random.default_rng(0).lognormal(size=1000)
    oracle = KBinsDiscretizer(7, encode="ordinal", strategy="quantile", quantile_method="linear")
    expected = oracle.fit_transform(values[:, None])[:, 0]
    assert after(values, Bucketize("x", buckets=7, rank_error=0)) == expected.tolist()


def test_buckets_by_a_sketch_hold_as_many_values_within_the_rank_error():
    values = np.random.default_rng(0).lognormal(size=50_000)
    shares = np.bincount(after(values, Bucketize("x", buckets=4))) / len(values)
    assert shares == pytest.approx([0.25] * 4, abs=0.01)


def test_edges_that_coincide_are_one():
    # Quartiles of 0, 0 and 2, and 0 is the smallest value.
    assert after([0, 0, 0, 0, 1, 2, 3, 4], Bucketize("x", buckets=4, rank_error=0)) == [0, 0, 0, 0, 1, 1, 2, 2]


def test_a_constant_column_has_one_bucket():
    assert after([5.0, 5.0, None], Bucketize("x", buckets=3)) == [0, 0, None]


def test_a_column_without_values_stays_null_and_learns_no_edge():
    nothing = pl.DataFrame({"x": pl.Series([None, None], dtype=pl.Float64)})
    model = Pipeline([Bucketize("x", buckets=3)]).fit(nothing)
    assert model.transform(nothing)["x"].to_list() == [None, None]
    assert model.transform(pl.DataFrame({"x": [1.0, INF]}))["x"].to_list() == [0, 0]


def test_the_column_becomes_int32():
    frame = pl.DataFrame({"x": [1, 2, 3]})
    model = Pipeline([Bucketize("x", edges=[2])]).fit(frame)
    assert model.transform(frame).schema == {"x": pl.Int32}
    assert make_plan([Bucketize("x", edges=[2])], {"x": nw.Int64()}).output_schema == {"x": nw.Int32()}


def test_given_edges_are_not_learnt():
    assert make_plan([Bucketize("x", edges=[2])], {"x": nw.Float64()}).scans == ()


def test_what_the_inverse_cannot_bring_back_is_said():
    model = Pipeline([Bucketize("x", edges=[2])]).fit(pl.DataFrame({"x": [1.0, 3.0]}))
    assert model.losses() == ["bucketize: of values of 'x' the bucket alone is known"]
    assert model.inverse_transform(pl.DataFrame({"x": [0, 1]}))["x"].to_list() == [0, 1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "edges: give either edges or buckets; got neither"),
        ({"edges": [1.0], "buckets": 3}, "edges: give either edges or buckets; got both"),
        ({"edges": [1.0, 1.0]}, r"edges: each must be above the one before it; got \[1.0, 1.0\]"),
        ({"edges": [2.0, 1.0]}, r"edges: each must be above the one before it; got \[2.0, 1.0\]"),
        ({"edges": []}, "at least 1 item"),
        ({"edges": [INF]}, "finite number"),
        ({"buckets": 1}, "must be at least 2"),
    ],
    ids=str,
)
def test_wrong_fields_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Bucketize("x", **fields)


def test_a_column_of_text_is_refused():
    with pytest.raises(SchemaError, match=r"steps\[0\].bucketize.columns: 'zone' is String, and this step needs num"):
        make_plan([Bucketize("zone", edges=[1])], {"zone": nw.String()})
