"""A fitted model in front of a generator: small batches of every kind, quickly and without Spark."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from genspark.engines.eager import engine as eager
from genspark.errors import DataError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.steps import Impute, Outliers, Scale, Split, Transform

ROWS = {"id": [1, 2, 3, 4], "x": [1.0, None, 4.0, 90.0], "n": [3, 1, 2, 2], "s": ["a", None, "b", "a"]}


@pytest.fixture(scope="module")
def model() -> PipelineModel:
    steps = [
        Split({"train": 0.5, "test": 0.5}, seed=3),
        Impute(columns="s", strategy="mode"),
        Impute(columns="x"),
        Outliers(columns="n", threshold=5),
        Scale(columns=["x", "n"]),
    ]
    return Pipeline(steps, key=["id"]).fit(pl.DataFrame(ROWS))


def test_a_dict_of_numpy_arrays_gives_a_dict_of_numpy_arrays(model):
    arrays = {
        "id": np.array([1, 2, 3, 4]),
        "x": np.array([1.0, np.nan, 4.0, 90.0]),
        "n": np.array([3, 1, 2, 2]),
        "s": np.array(["a", None, "b", "a"], dtype=object),
    }
    got = model.transform(arrays)
    expected = model.transform(pl.DataFrame(ROWS))
    assert list(got) == expected.columns
    for name, values in got.items():
        assert isinstance(values, np.ndarray)
        assert values.tolist() == expected[name].to_list()
    back = model.inverse_transform(got)
    assert back["n"] == pytest.approx(arrays["n"])
    assert back["x"] == pytest.approx(np.nan_to_num(arrays["x"], nan=95 / 3))
    assert "split" not in back


def test_pixels_in_a_matrix_pass_through(model):
    arrays = {name: np.array(values) for name, values in ROWS.items() if name != "x"}
    pixels = np.arange(12, dtype=np.uint8).reshape(4, 3)
    got = model.transform({**arrays, "x": np.ones(4), "pixels": pixels})
    assert np.array_equal(got["pixels"], pixels)


def test_arrays_of_other_lengths_are_refused(model):
    with pytest.raises(SchemaError, match=r"the arrays differ in length: \{'id': 2, 'x': 3\}"):
        model.transform({"id": np.arange(2), "x": np.arange(3.0)})


@pytest.mark.parametrize("build", [pl.DataFrame, pa.table], ids=["polars", "pyarrow"])
def test_a_second_batch_builds_nothing(model, build, monkeypatch):
    first = model.transform(build(ROWS))
    monkeypatch.setattr(eager, "replayable", None)
    assert model.transform(build(ROWS)).equals(first)
    fewer = {name: values[2:] for name, values in ROWS.items()}
    assert model.transform(build(fewer)).equals(first[2:] if build is pl.DataFrame else first.slice(2))


def test_a_batch_of_another_schema_is_built_anew(model):
    whole = pl.DataFrame(ROWS)
    wide = model.transform(whole.with_columns(other=pl.lit(1)))
    assert wide.drop("other").equals(model.transform(whole))
    with pytest.raises(SchemaError, match="the model needs column 'x'"):
        model.transform(whole.drop("x"))


def test_arrow_types_stay_what_they_were(model):
    table = pa.table({**ROWS, "tag": pa.array(["u", "v", "u", "v"]).dictionary_encode(), "big": pa.array(["w"] * 4)})
    got = model.transform(table)
    assert got.schema.field("tag").type == table.schema.field("tag").type
    assert got.schema.field("big").type == pa.string()
    assert got.schema.field("split").type == pa.string()


def test_a_rule_that_stops_does_so_at_every_batch():
    model = Pipeline([Transform(columns="x", function="log")]).fit(pl.DataFrame({"x": [1.0, 2.0]}))
    for _ in range(2):
        assert model.transform(pl.DataFrame({"x": [1.0]}))["x"].to_list() == [0.0]
        with pytest.raises(DataError, match="column 'x' has the value -1.0"):
            model.transform(pl.DataFrame({"x": [-1.0]}))


def test_a_lazy_frame_stays_lazy(model):
    lazy = model.transform(pl.LazyFrame(ROWS))
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect().equals(model.transform(pl.DataFrame(ROWS)))


def test_a_model_that_served_can_be_sent_elsewhere(model):
    import pickle

    model.transform(pl.DataFrame(ROWS))
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert again.transform(pl.DataFrame(ROWS)).equals(model.transform(pl.DataFrame(ROWS)))


def test_pandas_keeps_its_index(model):
    frame = pd.DataFrame(ROWS, index=[9, 8, 7, 6])
    got: Any = model.transform(frame)
    assert got.index.tolist() == [9, 8, 7, 6]


def test_serving_imports_no_spark(model, tmp_path):
    model.save(str(tmp_path / "m.json"))
    program = (
        "import sys; sys.modules['pyspark'] = None\n"
        "import numpy as np\nfrom genspark.pipeline import PipelineModel\n"
        f"m = PipelineModel.load({str(tmp_path / 'm.json')!r})\n"
        "a = {'id': np.arange(2), 'x': np.ones(2), 'n': np.arange(2), 's': np.array(['a', 'b'])}\n"
        "print(sorted(m.transform(a)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['id', 'n', 's', 'split', 'x']"
