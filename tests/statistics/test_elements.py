"""Moments and extremes of vectors against NumPy."""

from __future__ import annotations

import math

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from genspark.engines.polars.engine import PolarsEngine
from genspark.errors import DataError
from genspark.statistics import Elements

INF, NAN = math.inf, math.nan


def scan(vectors, over="each", dtype=pl.Float64):
    frame = pl.DataFrame({"v": pl.Series(vectors, dtype=pl.List(dtype))})
    statistic = Elements(("v",), over=over)
    return PolarsEngine().scan(nw.from_native(frame.lazy()), [statistic])[statistic]


def test_each_element_is_a_column():
    state = scan([[1.0, 10.0], [3.0, None], None, [NAN, -INF]])
    assert state["size"] == 2
    assert (state["vectors"], state["null_vectors"]) == (3, 1)
    assert state["count"] == [2, 1]
    assert state["missing"] == [1, 1]
    assert state["negative_infinities"] == [0, 1]
    assert state["mean"] == [2.0, 10.0]
    assert state["m2"] == [2.0, 0.0]
    assert (state["min"], state["max"]) == ([1.0, 10.0], [3.0, 10.0])


def test_all_elements_together():
    state = scan([[1.0, 2.0], [3.0, 6.0]], over="all")
    assert (state["count"], state["mean"], state["m2"]) == ([4], [3.0], [14.0])
    assert (state["min"], state["max"]) == ([1.0], [6.0])


def test_the_norm_of_whole_vectors():
    state = scan([[3.0, 4.0], [0.0, 1.0], [None, 1.0], [INF, 1.0]])
    assert state["norm"] == {
        "count": 2,
        "missing": 2,
        "positive_infinities": 0,
        "negative_infinities": 0,
        "mean": 3.0,
        "m2": 8.0,
    }


@pytest.mark.parametrize("over", ["each", "all"])
def test_any_cut_of_the_rows_merges_to_the_whole(over):
    rows = np.random.default_rng(0).standard_normal((40, 5)) + 1e8
    parts = [scan(part.tolist(), over) for part in np.split(rows, [0, 3, 20, 21])]
    statistic = Elements(("v",), over=over)
    merged = statistic.empty()
    for part in parts:
        merged = statistic.merge(merged, part)
    axis = 0 if over == "each" else None
    np.testing.assert_allclose(merged["mean"], np.atleast_1d(rows.mean(axis=axis)), rtol=1e-15)
    shifted = rows - 1e8
    np.testing.assert_allclose(
        merged["m2"], np.atleast_1d(shifted.var(axis=axis) * shifted.size / len(merged["m2"])), rtol=1e-7
    )
    np.testing.assert_array_equal(merged["min"], np.atleast_1d(rows.min(axis=axis)))
    assert merged["vectors"] == 40


def test_null_vectors_alone_have_no_size_and_merge():
    state = scan([None, None])
    assert state == {**Elements(("v",)).empty(), "null_vectors": 2}
    assert Elements(("v",)).merge(state, scan([[1.0]]))["null_vectors"] == 2


def test_parts_of_other_lengths_do_not_merge():
    with pytest.raises(DataError, match="column 'v': its vectors differ in length: 1 values are expected"):
        Elements(("v",)).merge(scan([[1.0]]), scan([[1.0, 2.0]]))


def test_a_ragged_column_is_a_named_error():
    with pytest.raises(DataError, match=r"a row has 1, such as \[3.0\]"):
        scan([[1.0, 2.0], [3.0]])


def test_values_too_large_for_a_double_are_told():
    with pytest.raises(DataError, match="the moments of 'v' overflow"):
        scan([[1e300], [-1e300]])


def test_a_column_of_nothing_but_empty_vectors():
    assert scan([[], []])["size"] == 0
