"""The shared arithmetic, on each backend against NumPy."""

from __future__ import annotations

import math
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from genspark.columns.expressions import (
    any_of,
    balanced,
    count_true,
    expm1,
    is_hidden,
    log1p,
    number,
    visible,
    without_nan,
)

INF, NAN = math.inf, math.nan
SMALL = [1e-12, -1e-12, 1e-300, 5e-324, 1e-8, -1e-8, 1e-5, 0.0]
ONES = [0.5, -0.5, 0.1, -0.1, 1.0, 2.0, 10.0, -0.999999]


@pytest.fixture(params=("spark", "polars", "pandas", "pyarrow"))
def backend(request) -> str:
    return request.param


@pytest.fixture
def evaluate(backend, frames) -> Any:
    """`evaluate(expression, {"x": values})`: what the backend makes of it."""

    def run(expression: nw.Expr, columns: dict[str, Any]) -> list[Any]:
        frame = nw.from_native(frames.of(backend, pa.table(columns)))
        return frames.table(nw.to_native(frame.select(y=expression)))["y"].to_pylist()

    return run


def test_log1p_is_numpy_s_to_a_few_ulp(evaluate):
    x = np.array([*SMALL, *ONES, 1e10, 2.0**53, 1e16, 1e300, 1.7e308])
    np.testing.assert_allclose(evaluate(log1p(nw.col("x")), {"x": x}), np.log1p(x), rtol=1e-15, atol=0)


def test_expm1_is_numpy_s_to_a_few_ulp(evaluate):
    x = np.array([*SMALL, *ONES, 100.0, 709.0, -1.0, -10.0, -40.0, -1000.0])
    np.testing.assert_allclose(evaluate(expm1(nw.col("x")), {"x": x}), np.expm1(x), rtol=1e-15, atol=0)


def test_expm1_takes_log1p_back(evaluate):
    x = np.array([*SMALL, *ONES, 1e10])
    np.testing.assert_allclose(evaluate(expm1(log1p(nw.col("x"))), {"x": x}), x, rtol=1e-14, atol=0)


def test_infinity_stays_infinity(evaluate):
    assert evaluate(log1p(nw.col("x")), {"x": [INF]}) == [INF]
    assert evaluate(expm1(nw.col("x")), {"x": [INF, -INF, 710.0]}) == [INF, -1.0, INF]


def test_log1p_of_null_is_null(evaluate):
    assert evaluate(log1p(nw.col("x")), {"x": [0.0, None]}) == [0.0, None]
    assert evaluate(expm1(nw.col("x")), {"x": [0.0, None]}) == [0.0, None]


def test_without_nan_makes_nan_null_in_the_float_columns_named(backend, frames):
    columns = {
        "x": [1.5, None, NAN, INF],
        "n": [1, 2, 3, 4],
        "s": ["a", "NaN", None, ""],
        "other": [NAN, NAN, 1.0, 1.0],
    }
    frame = nw.from_native(frames.of(backend, pa.table(columns)))
    out = frames.table(nw.to_native(without_nan(frame, ["x", "n", "s", "absent"]))).to_pydict()
    assert out["x"] == [1.5, None, None, INF]
    assert out["n"] == columns["n"]
    assert out["s"] == columns["s"]
    if backend != "pandas":  # to which NaN and null are one
        assert [math.isnan(value) for value in out["other"]] == [True, True, False, False]


def test_a_number_is_a_float(evaluate):
    got = evaluate(number("x"), {"x": [1, 2]})
    assert got == [1.0, 2.0]
    assert all(isinstance(value, float) for value in got)
    assert evaluate(number("x"), {"x": [1.5, None, INF]}) == [1.5, None, INF]


VALUES = [-1.0, 0.0, 2.0, 2.5, None, INF, -INF]


def beyond(column: str, lower: float, upper: float) -> nw.Expr:
    return (nw.col(column) < lower) | (nw.col(column) > upper)


def test_any_of_takes_the_bounds_as_inside_and_missing_as_not_beyond(evaluate):
    assert evaluate(any_of([beyond("x", 0.0, 2.0)]), {"x": VALUES}) == [True, False, False, True, False, True, True]


def test_any_of_is_true_where_one_is_whatever_the_others(evaluate):
    columns = {"x": [9.0, None, 1.0, None], "y": [None, 9.0, 1.0, None]}
    both = [beyond("x", 0.0, 2.0), beyond("y", 0.0, 2.0)]
    assert evaluate(any_of(both), columns) == [True, True, False, False]


def test_count_true_counts_in_each_row(evaluate):
    columns = {"x": [9.0, None, 1.0, None], "y": [-1.0, 9.0, 1.0, None]}
    assert evaluate(count_true([beyond("x", 0.0, 2.0), beyond("y", 0.0, 2.0)]), columns) == [2, 1, 0, 0]


def test_hidden_columns_are_not_visible():
    assert is_hidden("__genspark_draw_0_split_key")
    assert not is_hidden("genspark")
    assert visible(nw.from_native(pa.table({"a": [1], "__genspark_fate": [0]}))) == ["a"]


def test_terms_are_joined_in_their_order_and_nest_little() -> None:
    def join(one: str, other: str) -> str:
        return f"({one}{other})"

    assert balanced(join, "abcde") == "(((ab)(cd))e)"
    assert balanced(join, "a") == "a"
    assert len(balanced(join, "x" * 1000).split("x")[0]) == 10
