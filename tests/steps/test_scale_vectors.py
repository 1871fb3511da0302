"""Vectors brought to a scale."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Impute, Scale

ROWS = np.random.default_rng(0).standard_normal((60, 4)) * [1, 10, 100, 0] + [0, 5, -1e6, 3]


def frame(rows, dtype=pl.Float64):
    return pl.DataFrame({"v": pl.Series([None if row is None else list(row) for row in rows], dtype=pl.List(dtype))})


def fit(rows, dtype=pl.Float64, **fields):
    return Pipeline([Scale("v", **fields)]).fit(frame(rows, dtype))


@pytest.mark.parametrize(
    ("method", "oracle"), [("standard", StandardScaler()), ("minmax", MinMaxScaler()), ("maxabs", MaxAbsScaler())]
)
def test_each_place_is_scaled_as_scikit_learn_scales_a_column(method, oracle):
    model = fit(ROWS, elements="each", method=method)
    out = np.array(model.transform(frame(ROWS))["v"].to_list())
    np.testing.assert_allclose(out, oracle.fit_transform(ROWS), rtol=1e-9, atol=1e-9)
    back = np.array(model.inverse_transform(model.transform(frame(ROWS)))["v"].to_list())
    np.testing.assert_allclose(back, ROWS, rtol=1e-12, atol=1e-9)
    assert model.losses() == []


def test_all_places_have_one_scale():
    out = np.array(fit(ROWS, elements="all").transform(frame(ROWS))["v"].to_list())
    np.testing.assert_allclose(out, (ROWS - ROWS.mean()) / ROWS.std(), rtol=1e-9)


def test_a_null_vector_stays_null_and_a_missing_element_too():
    out = fit([[0.0, 1.0], None, [2.0, None]], elements="each").transform(frame([[0.0, 1.0], None, [2.0, None]]))
    assert out["v"].to_list() == [[-1.0, 0.0], None, [1.0, None]]


def test_float32_stays_float32_and_bytes_become_it():
    model = fit([[0.0], [2.0]], pl.Float32, elements="each")
    assert model.transform(frame([[1.0]], pl.Float32)).schema["v"] == pl.List(pl.Float32)
    raw = pl.DataFrame({"v": [b"\x00\xff", b"\xff\x00"]})
    out = Pipeline([Scale("v", method="minmax", elements="all")]).fit(raw).transform(raw)
    assert out["v"].to_list() == [[0.0, 1.0], [1.0, 0.0]]
    assert out.schema["v"] == pl.List(pl.Float32)


def test_no_vector_at_all_is_left_as_it_is():
    model = fit([None, None], elements="each")
    assert model.transform(frame([None, [5.0]]))["v"].to_list() == [None, [5.0]]


def test_vectors_can_be_filled_and_then_scaled():
    rows = frame([[0.0, None], None, [2.0, 4.0]])
    model = Pipeline([Impute("v", elements="each"), Scale("v", method="minmax", elements="each")]).fit(rows)
    assert model.transform(rows)["v"].to_list() == [[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]]


def test_another_length_than_was_fitted_on_is_refused():
    with pytest.raises(DataError, match="column 'v': .* 4 values are expected, and a row has 2, such as"):
        fit(ROWS, elements="each").transform(frame([[1.0, 2.0]]))


def test_numbers_are_no_vectors_and_ranks_are_not_for_them():
    with pytest.raises(SchemaError, match="'x' is Float64, and this step needs arrays of numbers, or images"):
        Pipeline([Scale("x", elements="each")]).fit(pl.DataFrame({"x": [1.0]}))
    with pytest.raises(ConfigError, match="elements: is for method standard or minmax or maxabs"):
        Scale("v", method="robust", elements="each")
