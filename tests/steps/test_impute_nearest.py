"""Imputing from the nearest rows, held against scikit-learn's KNNImputer on the same sample."""

from __future__ import annotations

import json
import math
import sys

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from sklearn.impute import KNNImputer

from genspark.errors import GensparkError, SchemaError
from genspark.pipeline import Pipeline
from genspark.pipeline.planner import make_plan
from genspark.steps import Impute

INF, NAN = math.inf, math.nan
COLUMNS = ["a", "b", "c"]
STEP = Impute(COLUMNS, strategy="nearest")


def table(values: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"id": np.arange(len(values)), **dict(zip(COLUMNS, values.T, strict=True))}).fill_nan(None)


def holes(rows: int = 300, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.standard_normal((rows, 3)) @ random.standard_normal((3, 3)) * [1.0, 100.0, 0.01] + [0.0, 5.0, 1e3]
    values[random.random(values.shape) < 0.2] = NAN
    return values[~np.isnan(values).all(axis=1)]


def test_it_fills_as_scikit_learn_does_on_the_standardised_rows():
    values = holes()
    center, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    expected = KNNImputer(n_neighbors=5).fit_transform((values - center) / scale) * scale + center
    found = Pipeline([STEP], key=["id"]).fit(table(values)).transform(table(values))
    np.testing.assert_allclose(found.select(COLUMNS).to_numpy(), expected, rtol=1e-9)


def test_of_many_rows_a_sample_is_kept_and_other_rows_are_filled_from_it():
    step = Impute(COLUMNS, strategy="nearest", neighbors=3, sample_size=40)
    values, new = holes(), holes(seed=7)
    model = Pipeline([step], key=["id"]).fit(table(values))
    donors = np.array(model.parameters[0]["donors"], dtype=float)
    assert donors.shape == (40, 3)
    assert all((np.isclose(donor, values, rtol=0, equal_nan=True)).all(axis=1).any() for donor in donors)
    center, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    expected = KNNImputer(n_neighbors=3).fit((donors - center) / scale).transform((new - center) / scale)
    found = model.transform(table(new)).select(COLUMNS).to_numpy()
    np.testing.assert_allclose(found, expected * scale + center, rtol=1e-9)


def test_the_sample_is_the_same_whatever_the_order_of_the_rows():
    step = Impute(COLUMNS, strategy="nearest", sample_size=40)
    rows = table(holes())
    one, other = (Pipeline([step], key=["id"]).fit(frame) for frame in (rows, rows.reverse()))
    assert one.parameters[0]["donors"] == other.parameters[0]["donors"]
    assert json.loads(json.dumps(one.parameters[0], allow_nan=False)) == one.parameters[0]
    another = Impute(COLUMNS, strategy="nearest", sample_size=40, seed=1)
    assert Pipeline([another], key=["id"]).fit(rows).parameters[0]["donors"] != one.parameters[0]["donors"]


def test_it_takes_one_scan():
    assert len(make_plan([STEP], dict.fromkeys(COLUMNS, nw.Float64())).scans) == 1


def test_every_kind_of_frame_is_filled_alike():
    rows = table(holes())
    model = Pipeline([STEP], key=["id"]).fit(rows)
    expected = model.transform(rows)
    assert model.transform(rows.lazy()).collect().equals(expected)
    assert pl.from_arrow(model.transform(rows.to_arrow())).equals(expected)
    assert pl.from_pandas(model.transform(rows.to_pandas())).equals(expected)


def test_a_row_with_nothing_gets_the_means_and_infinities_stay():
    values = holes()
    model = Pipeline([STEP], key=["id"]).fit(table(values))
    found = model.transform(table(np.array([[NAN] * 3, [INF, NAN, NAN], [-INF, 5.0, NAN]]))).select(COLUMNS).to_numpy()
    np.testing.assert_allclose(found[0], np.nanmean(values, axis=0), rtol=1e-12)
    np.testing.assert_allclose(found[1, 1:], found[0, 1:])
    assert (found[1, 0], found[2, 0]) == (INF, -INF)
    assert np.isfinite(found[2, 2])


def test_a_column_without_a_value_keeps_its_nulls():
    values = holes()
    values[:, 1] = NAN
    values = values[~np.isnan(values).all(axis=1)]
    found = Pipeline([STEP], key=["id"]).fit(table(values)).transform(table(values))
    assert found["b"].null_count() == len(values)
    assert found["a"].null_count() == found["c"].null_count() == 0


def test_a_value_that_no_donor_has_is_the_mean_and_no_rows_fill_nothing():
    empty = Pipeline([STEP], key=["id"]).fit(table(np.zeros((0, 3))))
    assert empty.transform(table(np.array([[1.0, NAN, 2.0]])))["b"].to_list() == [None]
    few = np.array([[1.0, NAN, 2.0]] * 60 + [[1.0, 8.0, 2.0]])
    step = Impute(COLUMNS, strategy="nearest", sample_size=3)
    model = Pipeline([step], key=["id"]).fit(table(few))
    assert [row[1] for row in model.parameters[0]["donors"]] == [None, None, None]
    assert set(model.transform(table(few))["b"]) == {8.0}


def test_it_says_what_to_install_before_anything_runs(monkeypatch):
    schema = dict.fromkeys(COLUMNS, nw.Float64())
    assert make_plan([STEP], schema)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(GensparkError, match=r"pip install 'genspark\[models\]'"):
        make_plan([STEP], schema)


def test_one_column_has_no_neighbours():
    with pytest.raises(
        SchemaError, match="columns: strategy 'nearest' fills a column from the others, and 'a' is alone"
    ):
        make_plan([Impute("a", strategy="nearest")], {"a": nw.Float64()})
