from __future__ import annotations

import pickle

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from genspark.errors import ConfigError, DataError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.pipeline.planner import make_plan
from genspark.steps import Encode

WORDS = ["b", "a", "b", None, "c", "a", "b"]


def fitted(values, step, dtype=None):
    return Pipeline([step]).fit(pl.DataFrame({"x": pl.Series(values, dtype=dtype)}))


def after(model, values, dtype=None):
    return model.transform(pl.DataFrame({"x": pl.Series(values, dtype=dtype)}))["x"].to_list()


def test_values_are_numbered_by_falling_frequency_then_by_value():
    model = fitted(["d", *WORDS], Encode("x"))
    assert after(model, ["b", "a", "c", "d"]) == [1, 2, 3, 4]


def test_null_stays_null_and_what_is_unknown_has_its_own_number():
    assert after(fitted(WORDS, Encode("x")), [None, "new", "b"]) == [None, 0, 1]


@pytest.mark.parametrize(("unknown_id", "expected"), [(0, [1, 2, 3, 0]), (-1, [0, 1, 2, -1]), (1, [0, 2, 3, 1])])
def test_the_known_numbers_leave_out_the_unknown_one(unknown_id, expected):
    model = fitted(WORDS, Encode("x", unknown_id=unknown_id))
    assert after(model, ["b", "a", "c", "new"]) == expected
    back = model.inverse_transform(pl.DataFrame({"x": expected}))
    assert back["x"].to_list() == ["b", "a", "c", None]


def test_a_one_hot_vector_has_a_place_for_the_unknown_first():
    model = fitted(WORDS, Encode("x", method="onehot"))
    assert after(model, ["a", None, "new", "b"]) == [[0, 0, 1, 0], None, [1, 0, 0, 0], [0, 1, 0, 0]]


def test_a_vector_stands_for_its_largest_element():
    model = fitted(WORDS, Encode("x", method="onehot"))
    scores = pl.DataFrame({"x": [[0.1, 0.2, 0.6, 0.1], None, [0.9, 0.0, 0.1, 0.0]]})
    assert model.inverse_transform(scores)["x"].to_list() == ["a", None, None]


def test_a_vector_of_another_length_is_refused():
    model = fitted(WORDS, Encode("x", method="onehot"))
    with pytest.raises(DataError, match=r"column 'x'.*4 values are expected, and a row has 2"):
        model.inverse_transform(pl.DataFrame({"x": [[0.0, 1.0]]}))


@pytest.mark.parametrize("method", ["index", "onehot"])
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (WORDS, pl.String),
        ([3, -1, 3, None, 2**53 + 1], pl.Int64),
        ([True, False, True, None], pl.Boolean),
        ([2**64 - 1, 2**64 - 2, None], pl.UInt64),
    ],
    ids=["strings", "integers", "booleans", "unsigned integers"],
)
def test_the_inverse_gives_the_values_back(method, values, dtype):
    model = fitted(values, Encode("x", method=method), dtype)
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype)})
    assert model.inverse_transform(model.transform(frame))["x"].to_list() == values


def test_the_types_are_as_declared():
    frame = pl.DataFrame({"x": WORDS, "y": [1, 2, 3, 4, 5, 6, 7]})
    for method, dtype in (("index", pl.Int64), ("onehot", pl.List(pl.Float32)), ("hash", pl.Int64)):
        step = Encode(["x", "y"], method=method, buckets=4 if method == "hash" else None)
        assert Pipeline([step]).fit(frame).transform(frame).schema == {"x": dtype, "y": dtype}
    declared = make_plan([Encode("x", method="onehot")], {"x": nw.String()}).output_schema
    assert declared == {"x": nw.List(nw.Float32())}


def test_rare_values_are_unknown():
    model = fitted(WORDS, Encode("x", min_count=2))
    assert after(model, ["b", "a", "c"]) == [1, 2, 0]


def test_more_values_than_allowed_stop_the_fit():
    with pytest.raises(DataError, match=r"encode: column 'x' has more than 2 distinct values; raise max_size or min_"):
        fitted(WORDS, Encode("x", max_size=2))
    assert after(fitted(WORDS, Encode("x", max_size=3)), ["c"]) == [3]


def test_rare_values_do_not_count_as_too_many():
    assert after(fitted(WORDS, Encode("x", max_size=2, min_count=2)), ["b", "a", "c"]) == [1, 2, 0]


def test_values_beyond_the_allowed_may_be_unknown_and_that_is_said():
    model = fitted(WORDS, Encode("x", max_size=2, overflow="unknown"))
    assert after(model, ["b", "a", "c"]) == [1, 2, 0]
    assert model.losses() == ["encode: values of 'x' that its vocabulary lacks come back null"]


def test_counts_that_may_be_off_are_told():
    words = [f"w{i}" for i in range(10_001)] + ["w7"]
    model = fitted(words, Encode("x", max_size=1, overflow="unknown"))
    assert after(model, ["w7", "w8"]) == [1, 0]
    (loss,) = model.losses()
    assert "a count may be off by 1" in loss


def test_a_column_without_values_has_an_empty_vocabulary():
    for method, unknown in (("index", 0), ("onehot", [1.0])):
        model = fitted([None, None], Encode("x", method=method), pl.String)
        assert after(model, [None, None], pl.String) == [None, None]
        assert after(model, ["a"]) == [unknown]
        assert model.inverse_transform(pl.DataFrame({"x": [unknown]}))["x"].to_list() == [None]


def test_numbers_and_their_digits_are_not_one():
    model = fitted([1, 2], Encode("x"))
    with pytest.raises(DataError, match=r"column 'x' held integer values at fitting and is \w*string here; cast it"):
        model.transform(pl.DataFrame({"x": ["1"]}))


def test_pandas_integers_that_a_null_made_floats_are_known():
    model = fitted([1, 2, 2], Encode("x"))
    served = model.transform(pd.DataFrame({"x": [1, None, 2, 7]}))["x"]
    assert served.isna().tolist() == [False, True, False, False]
    assert served.dropna().tolist() == [2, 1, 0]


def test_backends_give_the_same():
    for step in (Encode("x"), Encode("x", method="onehot"), Encode("x", method="hash", buckets=5)):
        model = fitted(WORDS, step)
        expected = after(model, [*WORDS, "new"])
        assert model.transform(pa.table({"x": [*WORDS, "new"]}))["x"].to_pylist() == expected
        served = model.transform(pd.DataFrame({"x": [*WORDS, "new"]}))["x"].tolist()
        assert [None if i == 3 else v for i, v in enumerate(map(_plain, served))] == expected


def _plain(value):
    return value.tolist() if hasattr(value, "tolist") else value


def test_a_hash_bucket_depends_on_the_value_and_the_seed_alone():
    many = [str(i) for i in range(500)]
    one, other = (fitted(many, Encode("x", method="hash", buckets=10, seed=seed)) for seed in (0, 1))
    buckets = after(one, many)
    assert set(buckets) == set(range(10))
    assert after(one, many[::-1]) == buckets[::-1]
    assert after(other, many) != buckets


def test_nothing_is_learnt_for_a_hash_and_null_stays_null():
    step = Encode("x", method="hash", buckets=10)
    assert make_plan([step], {"x": nw.String()}).scans == ()
    assert after(fitted(WORDS, step), [None, "a"])[0] is None
    assert fitted(WORDS, step).losses() == ["encode: of values of 'x' the hash bucket alone is known"]


def test_what_the_inverse_cannot_bring_back_is_said():
    assert fitted(WORDS, Encode("x")).losses() == ["encode: values of 'x' that its vocabulary lacks come back null"]


def test_the_inverse_passes_over_absent_columns():
    model = fitted(WORDS, Encode("x"))
    assert model.inverse_transform(pl.DataFrame({"z": [5]})).to_dict(as_series=False) == {"z": [5]}


def test_a_saved_model_encodes_as_before():
    model = fitted(WORDS, Encode("x", method="onehot"))
    again = PipelineModel.from_json(model.to_json())
    assert after(again, WORDS) == after(model, WORDS)
    (kernel,) = model.steps[0].kernels(model.parameters[0])
    assert pickle.loads(pickle.dumps(kernel)) == kernel


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "hash"}, "buckets: is needed for method 'hash'; method is 'hash'"),
        ({"buckets": 3}, "buckets: goes with method 'hash' alone; method is 'index'"),
        ({"max_size": 0}, "must be at least 1"),
    ],
    ids=str,
)
def test_wrong_fields_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Encode("x", **fields)


def test_a_column_of_fractions_is_refused():
    with pytest.raises(SchemaError, match="'x' is Float64, and this step needs strings, integers or booleans"):
        make_plan([Encode("x")], {"x": nw.Float64()})
