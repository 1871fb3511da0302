from __future__ import annotations

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline.planner import make_plan
from genspark.steps import Drop, Scale

COLUMNS = {"a": [1], "p_1": [2.0], "p_2": [3.0], "z": ["s"]}


@pytest.mark.parametrize(
    ("columns", "left"),
    [("a", ["p_1", "p_2", "z"]), (["p_*", "z"], ["a"]), (["*"], [])],
    ids=["name", "pattern", "all"],
)
def test_the_columns_are_gone_and_the_others_keep_their_order(columns, left):
    plan = make_plan([Drop(columns)], {"a": nw.Int64(), "p_1": nw.Float64(), "p_2": nw.Float64(), "z": nw.String()})
    assert list(plan.output_schema) == left


def test_values_of_the_others_pass_untouched(after):
    assert after(COLUMNS, Drop(["a", "p_*"])) == {"z": ["s"]}


def test_no_rows_stay_none(after):
    assert after({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())}, Drop("b")) == {"a": []}


def test_a_frame_that_lacks_the_column_already_is_none_the_worse(fitted):
    model = fitted(COLUMNS, Drop("a"))
    assert model.transform(pl.DataFrame({"z": ["s"]})).columns == ["z"]


def test_the_inverse_cannot_bring_columns_back_and_says_so(fitted):
    model = fitted(COLUMNS, Drop("p_*"))
    assert model.losses() == ["drop: 'p_1' was dropped", "drop: 'p_2' was dropped"]
    assert model.inverse_transform(pl.DataFrame({"a": [1]})).columns == ["a"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("fair", r"steps\[0\].drop.columns: 'fair' is not a column; did you mean 'fare'\?"),
        ("q_*", r"columns: 'q_\*' matches no column"),
    ],
)
def test_what_matches_nothing_is_refused(columns, message):
    with pytest.raises(SchemaError, match=message):
        make_plan([Drop(columns)], {"fare": nw.Float64()})


def test_a_later_step_cannot_use_what_was_dropped():
    with pytest.raises(SchemaError, match=r"steps\[1\].scale.columns: 'x' is not a column"):
        make_plan([Drop("x"), Scale("x")], {"x": nw.Float64(), "y": nw.Float64()})


def test_nothing_to_drop_is_refused():
    with pytest.raises(ConfigError):
        Drop([])
