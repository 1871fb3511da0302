from __future__ import annotations

import math

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline.planner import make_plan
from genspark.steps import Select, Split

COLUMNS = {"a": [1], "p_1": [2.0], "p_2": [3.0], "z": ["s"]}


def test_the_columns_come_in_the_order_given(after):
    assert list(after(COLUMNS, Select(["z", "a"]))) == ["z", "a"]


def test_a_pattern_stands_for_its_matches(after):
    assert list(after(COLUMNS, Select(["z", "p_*", "p_1"]))) == ["z", "p_1", "p_2"]


@pytest.mark.on_spark
def test_values_pass_untouched(after):
    got = after({"x": [1.0, None, math.nan, math.inf], "y": [0] * 4}, Select("x"))["x"]
    assert got[:2] == [1.0, None]
    assert math.isnan(got[2])
    assert got[3] == math.inf


def test_draws_survive_for_the_steps_after_it(after):
    assert list(after(COLUMNS, Select("z"), Split({"all": 1}), key=["a"])) == ["z", "split"]


def test_no_rows_stay_none(after):
    assert after({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())}, Select("b")) == {"b": []}


def test_the_inverse_cannot_bring_columns_back_and_says_so(fitted):
    model = fitted(COLUMNS, Select(["a", "z"]))
    assert model.losses() == ["select: 'p_1' was left out", "select: 'p_2' was left out"]
    assert model.inverse_transform(pl.DataFrame({"a": [1]})).columns == ["a"]


def test_a_frame_that_lacks_a_column_is_refused_by_name(fitted):
    model = fitted(COLUMNS, Select(["a", "z"]))
    with pytest.raises(SchemaError, match="'z' is not a column"):
        model.transform(pl.DataFrame({"a": [1]}))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("fair", r"steps\[0\].select.columns: 'fair' is not a column; did you mean 'fare'\?"),
        ("q_*", r"columns: 'q_\*' matches no column"),
    ],
)
def test_what_matches_nothing_is_refused(columns, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([Select(columns)], {"fare": nw.Float64()})


def test_a_later_step_cannot_use_what_was_left_out():
    with pytest.raises(SchemaError, match=r"steps\[1\].split.group: 'a' is not a column"):
        make_plan([Select("z"), Split({"all": 1}, group="a")], {"a": nw.Int64(), "z": nw.String()})


def test_nothing_selected_is_refused():
    with pytest.raises(ConfigError):
        Select([])
