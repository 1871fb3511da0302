from __future__ import annotations

import datetime as dt
import math

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline
from genspark.pipeline.planner import make_plan
from genspark.steps import Cast, Impute


@pytest.mark.on_spark
@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        (["1", None, "-2"], "int64", [1, None, -2]),
        (["1.5", None], "float64", [1.5, None]),
        ([1, None], "string", ["1", None]),
        ([True, None, False], "string", ["true", None, "false"]),
        ([True, None, False], "int8", [1, None, 0]),
        ([0, None, 2], "boolean", [False, None, True]),
        ([1.9, -1.9], "int32", [1, -1]),
        ([dt.datetime(2024, 2, 29, 23, 59)], "date", [dt.date(2024, 2, 29)]),
        ([0.1], "float32", [pytest.approx(0.1, rel=1e-7)]),
    ],
)
def test_values_are_cast_and_null_stays_null(after, values, name, expected):
    assert after({"x": pa.array(values)}, Cast({"x": name}))["x"] == expected


@pytest.mark.on_spark
def test_texts_become_days_and_times_of_utc(after):
    texts = ["2024-02-29", None, "2024-02-29 23:59", "2024-02-29T23:59:00.25+01:00", "2024-02-29T23:59:00Z"]
    day, utc = dt.date(2024, 2, 29), dt.UTC
    got = after({"x": texts, "y": texts}, Cast({"x": "date", "y": "timestamp"}))
    assert got["x"] == [day, None, day, day, day]
    late = dt.datetime(2024, 2, 29, 23, 59, tzinfo=utc)
    begins, hour = dt.datetime(2024, 2, 29, tzinfo=utc), dt.timedelta(hours=1)
    assert got["y"] == [begins, None, late, late - hour + dt.timedelta(milliseconds=250), late]


def test_a_text_that_is_no_day_stops_the_job(fitted):
    model = fitted({"x": ["2024-02-29"]}, Cast({"x": "date"}))
    with pytest.raises(DataError, match="'x' has the value '2024-02-30', which is no date"):
        model.transform(pl.DataFrame({"x": ["2024-02-30"]}))


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "int64", "float32", "float64", "string", "boolean"])
def test_the_column_has_the_type_asked_for(fitted, frames, interpreted, name):
    table = pa.table({"x": [1, 0]})
    model = fitted(table, Cast({"x": name}))
    for backend in ("spark", "polars", "pandas", "pyarrow"):
        out = nw.from_native(model.transform(frames.of(backend, table))).collect_schema()
        assert str(out["x"]).lower() == name


def test_other_columns_and_the_order_stay(after):
    got = after({"a": [1], "b": ["2"], "c": [3]}, Cast({"b": "int64"}))
    assert list(got.items()) == [("a", [1]), ("b", [2]), ("c", [3])]


@pytest.mark.on_spark
def test_the_text_nan_becomes_null_so_that_it_can_be_filled(after):
    got = after({"x": ["1.0", "NaN", "3.0", None]}, Cast({"x": "float64"}), Impute("x"))
    assert got["x"] == [1.0, 2.0, 3.0, 2.0]


@pytest.mark.on_spark
def test_degenerate_columns_pass(after):
    assert after({"x": pa.array([None], pa.string())}, Cast({"x": "int64"}))["x"] == [None]
    assert after({"x": pa.array([], pa.string())}, Cast({"x": "int64"}))["x"] == []
    assert after({"x": [math.inf]}, Cast({"x": "float32"}))["x"] == [math.inf]


def test_a_value_that_cannot_be_cast_stops_a_fit_on_spark(frames, interpreted):
    df = frames.of("spark", pa.table({"x": ["1", "fare"]}))
    with pytest.raises(DataError, match="fare"):
        Pipeline([Cast({"x": "float64"}), Impute("x")]).fit(df)


def test_the_inverse_leaves_the_cast_and_says_so(fitted):
    model = fitted({"x": [1]}, Cast({"x": "string"}))
    assert model.inverse_transform(pl.DataFrame({"x": ["1"]}))["x"].to_list() == ["1"]
    assert model.losses() == ["cast: 'x' stays string"]


def test_every_absent_column_is_named():
    with pytest.raises(SchemaError) as refused:
        make_plan([Cast({"fair": "int64", "fare": "int64", "q": "string"})], {"fare": nw.Float64()})
    assert refused.value.problems == (
        "steps[0].cast.columns: 'fair' is not a column; did you mean 'fare'?",
        "steps[0].cast.columns: 'q' is not a column; known: fare",
    )


@pytest.mark.parametrize("columns", [{}, {"x": "int"}, ["x"]])
def test_fields_that_make_no_sense_are_refused(columns):
    with pytest.raises(ConfigError):
        Cast(columns)
