from __future__ import annotations

import math

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import zscore

from genspark.columns.expressions import any_of, count_true
from genspark.errors import ConfigError, SchemaError
from genspark.pipeline.planner import make_plan
from genspark.steps import Outliers

INF, NAN = math.inf, math.nan
# Mean 2 and population deviation 2: bounds at threshold 1 are 0 and 4.
VALUES = [0.0, 4.0, 0.0, 4.0, 2.0, 2.0 + 2 * math.sqrt(2), 2.0 - 2 * math.sqrt(2)]
# Quartiles 2 and 4: Tukey's fences are -1 and 7.
QUARTILES = [1.0, 2.0, 3.0, 4.0, 50.0]


@pytest.fixture(scope="module")
def planted() -> dict[str, np.ndarray]:
    columns = np.random.default_rng(0).standard_normal((2, 400))
    columns[0, [3, 50]] = [9.0, -9.0]
    columns[1, [7, 50]] = [-12.0, 20.0]
    return {"id": np.arange(400), "a": columns[0], "b": columns[1]}


@pytest.mark.parametrize("threshold", [None, 2.0])
def test_drop_takes_the_rows_that_scipy_s_zscore_names(after, planted, threshold):
    step = Outliers(columns=["a", "b"], threshold=threshold)
    far = np.abs(zscore([planted["a"], planted["b"]], axis=1)).max(axis=0) > (threshold or 3.0)
    assert 0 < far.sum() < 100
    assert after(planted, step)["id"] == planted["id"][~far].tolist()


def test_iqr_takes_the_rows_beyond_tukey_s_fences(after, planted):
    first, third = np.quantile(planted["a"], [0.25, 0.75])
    inside = (planted["a"] >= 2.5 * first - 1.5 * third) & (planted["a"] <= 2.5 * third - 1.5 * first)
    assert after(planted, Outliers(columns="a", method="iqr"))["id"] == planted["id"][inside].tolist()


def test_exact_quartiles_give_the_same_fences(fitted):
    model = fitted({"x": QUARTILES}, Outliers(columns="x", method="iqr", rank_error=0))
    assert model.parameters[0]["bounds"] == {"x": [-1.0, 7.0]}


def test_a_value_on_the_bound_is_inside(after):
    # Bounds of [0, 0, 4, 4] at threshold 1 are exactly 0 and 4.
    step = Outliers(columns="x", threshold=1.0, action="flag")
    assert after({"x": [0.0, 0.0, 4.0, 4.0]}, step)["x_is_outlier"] == [False] * 4


@pytest.mark.parametrize("action", ["drop", "quarantine"])
def test_rows_with_an_outlier_go_and_rows_with_a_missing_value_stay(after, action):
    columns = {"x": [*QUARTILES, None, NAN], "id": [0, 1, 2, 3, 4, 5, 6]}
    assert after(columns, Outliers(columns="x", method="iqr", action=action))["id"] == [0, 1, 2, 3, 5, 6]


@pytest.mark.on_spark
def test_clip_moves_an_outlier_to_the_nearer_bound(after):
    columns = {"x": [*QUARTILES, INF, -INF, None, NAN]}
    got = after(columns, Outliers(columns="x", method="iqr", action="clip"))["x"]
    assert got == [1.0, 2.0, 3.0, 4.0, 7.0, 7.0, -1.0, None, None]


def test_clip_makes_integers_floats(after):
    got = after({"x": [1, 2, 3, 4, 50]}, Outliers(columns="x", method="iqr", action="clip"))["x"]
    assert got == [1.0, 2.0, 3.0, 4.0, 7.0]
    assert all(isinstance(value, float) for value in got)


def test_null_erases_an_outlier_and_keeps_the_type(after):
    got = after({"x": [1, 2, 3, 4, 50, None]}, Outliers(columns="x", method="iqr", action="null"))["x"]
    assert got == [1, 2, 3, 4, None, None]
    assert isinstance(got[0], int)


@pytest.mark.on_spark
def test_flag_adds_a_column_that_is_never_null(after):
    got = after({"x": [*QUARTILES, INF, None, NAN]}, Outliers(columns="x", method="iqr", action="flag"))
    assert got["x_is_outlier"] == [False, False, False, False, True, True, False, False]
    assert got["x"][:6] == [*QUARTILES, INF]


@pytest.mark.on_spark
def test_infinities_lie_beyond_any_bounds_and_move_none(fitted):
    with_infinities = fitted({"x": [*VALUES, INF, -INF]}, Outliers(columns="x"))
    without = fitted({"x": VALUES}, Outliers(columns="x"))
    assert with_infinities.parameters == without.parameters


DEGENERATE = {
    "constant": [5.0, 5.0, 5.0],
    "all null": pa.array([None, None], pa.float64()),
    "all nan": [NAN, NAN],
    "no rows": pa.array([], pa.float64()),
    "one row": [5.0],
}


@pytest.mark.parametrize("method", ["zscore", "iqr", "mad"])
@pytest.mark.parametrize("name", DEGENERATE)
def test_nothing_is_an_outlier_where_nothing_can_be(after, method, name):
    values = DEGENERATE[name]
    got = after({"x": values}, Outliers(columns="x", method=method, action="flag"))["x_is_outlier"]
    assert got == [False] * len(values)


@pytest.mark.parametrize("action", ["drop", "clip", "null"])
def test_a_column_without_bounds_is_left_alone_by_each_action(after, action):
    assert after({"x": [5.0, 5.0]}, Outliers(columns="x", action=action))["x"] == [5.0, 5.0]


def test_a_rejection_says_which_rule_by_what_value_and_against_what():
    step = Outliers(columns="x", method="iqr", action="quarantine")
    (rejection,) = step.rejections({"bounds": {"x": [-1.0, 7.0]}})
    assert (rejection.column, rejection.rule, rejection.action) == ("x", "iqr", "quarantine")
    assert rejection.bounds == (-1.0, 7.0)
    frame = nw.from_native(pl.DataFrame({"x": [-2, 3, 50, None]}))
    out = frame.select(broken=any_of([rejection.predicate]), value=rejection.value)
    assert out["broken"].to_list() == [True, False, True, False]
    assert out["value"].to_list() == [-2.0, 3.0, 50.0, None]


def test_actions_that_keep_every_row_reject_none():
    for action in ("clip", "null", "flag"):
        step = Outliers(columns="x", action=action)
        assert not step.rejections({"bounds": {"x": [0.0, 1.0]}})
        assert not step.filters


def test_the_report_counts_values_beyond_the_bounds():
    parameters = {"bounds": {"x": [0.0, 1.0], "y": [0.0, 1.0]}}
    counts = Outliers(columns=["x", "y"], action="clip").counts(parameters)
    frame = nw.from_native(pl.DataFrame({"x": [2.0, 0.5, None], "y": [-3, 0, 9]}))
    assert frame.select(n=count_true(counts["zscore"]))["n"].to_list() == [2, 0, 1]
    # What is rejected the engine counts.
    assert not Outliers(columns=["x", "y"]).counts(parameters)


def test_the_inverse_takes_the_flags_away(fitted):
    model = fitted({"x": VALUES}, Outliers(columns="x", action="flag"))
    assert model.inverse_transform(pl.DataFrame({"x": [1.0], "x_is_outlier": [False]})).columns == ["x"]
    assert model.losses() == []


@pytest.mark.parametrize(
    ("action", "lost"),
    [
        ("drop", "outliers: dropped rows stay out ('x')"),
        ("quarantine", "outliers: quarantined rows stay out ('x')"),
        ("clip", "outliers: clipped values stay at the bound ('x')"),
        ("null", "outliers: erased outliers stay null ('x')"),
    ],
)
def test_what_the_inverse_cannot_bring_back_is_said(action, lost):
    assert list(Outliers(columns="x", action=action).losses({})) == [lost]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("fair", r"steps\[0\].outliers.columns: 'fair' is not a column; did you mean 'fare'\?"),
        ("zone", "columns: 'zone' is String, and this step needs numbers"),
        ("q_*", r"columns: 'q_\*' matches no column with numbers"),
    ],
)
def test_columns_that_cannot_have_outliers_are_refused(columns, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([Outliers(columns=columns)], {"fare": nw.Float64(), "zone": nw.String()})


def test_a_flag_never_takes_the_place_of_a_column():
    with pytest.raises(SchemaError, match="'x_is_outlier' is already a column; rename or drop it before"):
        make_plan([Outliers("x", action="flag"), Outliers("x", "iqr", action="flag")], {"x": nw.Float64()})


@pytest.mark.parametrize(
    "fields", [{"threshold": 0}, {"threshold": -1.0}, {"method": "mode"}, {"action": "keep"}, {"rank_error": 0.3}]
)
def test_fields_that_make_no_sense_are_refused(fields):
    with pytest.raises(ConfigError):
        Outliers(columns="x", **fields)
