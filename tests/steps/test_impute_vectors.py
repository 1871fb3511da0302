"""Vectors with something missing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline
from genspark.steps import Impute

VECTORS = [[1.0, 10.0], [3.0, None], None, [float("nan"), 20.0]]


def frame(vectors=VECTORS, dtype=pl.Float64):
    return pl.DataFrame({"v": pl.Series(vectors, dtype=pl.List(dtype))})


def filled(vectors=VECTORS, dtype=pl.Float64, **fields):
    rows = frame(vectors, dtype)
    return Pipeline([Impute("v", **fields)]).fit(rows).transform(rows)


def test_each_element_gets_the_mean_of_its_place():
    assert filled(elements="each")["v"].to_list() == [[1.0, 10.0], [3.0, 15.0], [2.0, 15.0], [2.0, 20.0]]


def test_all_elements_have_one_mean():
    assert filled(elements="all")["v"].to_list() == [[1.0, 10.0], [3.0, 8.5], [8.5, 8.5], [8.5, 20.0]]


def test_a_constant_fills_too_and_the_indicator_tells_where():
    out = filled(elements="all", strategy="constant", value=0, indicator=True)
    assert out["v"].to_list() == [[1.0, 10.0], [3.0, 0.0], [0.0, 0.0], [0.0, 20.0]]
    assert out["v_is_missing"].to_list() == [False, True, True, True]


def test_float32_stays_float32():
    assert filled(dtype=pl.Float32, elements="each").schema["v"] == pl.List(pl.Float32)


def test_image_bytes_become_lists_of_pixels():
    rows = pl.DataFrame({"v": [b"\x00\x04", None, b"\x02\x08"]})
    out = Pipeline([Impute("v", elements="each")]).fit(rows).transform(rows)
    assert out["v"].to_list() == [[0.0, 4.0], [1.0, 6.0], [2.0, 8.0]]


def test_where_no_vector_was_seen_null_stays():
    assert filled([None, None], elements="each")["v"].to_list() == [None, None]


def test_an_element_that_no_vector_has_stays_null():
    assert filled([[1.0, None], [None, None]], elements="each")["v"].to_list() == [[1.0, None], [1.0, None]]


def test_the_means_are_numpys():
    random = np.random.default_rng(0)
    values = np.where(random.random((50, 4)) < 0.2, np.nan, random.standard_normal((50, 4)))
    out = np.array(filled(values.tolist(), elements="each")["v"].to_list())
    np.testing.assert_allclose(out, np.where(np.isnan(values), np.nanmean(values, axis=0), values), rtol=1e-12)


def test_a_ragged_column_is_refused_at_fit_and_at_transform():
    with pytest.raises(DataError, match="column 'v': its vectors differ in length"):
        filled([[1.0], [1.0, 2.0]], elements="each")
    model = Pipeline([Impute("v", elements="each")]).fit(frame())
    with pytest.raises(DataError, match="2 values are expected, and a row has 3"):
        model.transform(frame([[1.0, 2.0, 3.0]]))


def test_vectors_need_elements_and_numbers_must_not_have_it():
    with pytest.raises(SchemaError, match="'v' is List"):
        filled()
    with pytest.raises(SchemaError, match="'x' is Int64, and this step needs arrays of numbers, or images"):
        Pipeline([Impute("x", elements="each")]).fit(pl.DataFrame({"x": [1]}))


@pytest.mark.parametrize(
    ("fields", "told"), [({"strategy": "median"}, "elements: is for strategy"), ({"by": "s"}, "elements: vectors")]
)
def test_what_does_not_go_with_vectors_is_refused(fields, told):
    with pytest.raises(ConfigError, match=told):
        Impute("v", elements="each", **fields)
