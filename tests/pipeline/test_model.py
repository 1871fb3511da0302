"""A fitted model: one JSON file that works wherever it is read."""

from __future__ import annotations

import datetime as dt
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from genspark.errors import DataError, ModelError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.steps import Augment, Cast, Drop, Impute, Outliers, RandomCrop, Scale, Select, Split, Transform
from genspark.steps.base import from_json as step_from_json

INF, NAN = math.inf, math.nan
STEPS = [
    Split({"train": 0.7, "test": 0.3}, seed=7),
    Cast({"count": "float64"}),
    Impute(["fare", "count"], "median", indicator=True),
    Impute(["zone", "paid"], "mode"),
    Outliers("tip", threshold=2.0),
    Outliers("fare", "iqr", action="clip"),
    Outliers("distance", action="flag"),
    Transform("fare", "log1p"),
    Scale(["fare", "distance"]),
    Scale("tip", "minmax", range=(-1, 1)),
    Augment(image="zone", views=2, random_crop=RandomCrop((8, 8), 2), horizontal_flip=0.5, height=32, width=32),
    Drop("note"),
]


@pytest.fixture(scope="module")
def trips() -> pa.Table:
    random, n = np.random.default_rng(0), 200
    fare = np.exp(random.standard_normal(n) + 2)
    fare[[3, 90]] = [INF, NAN]
    tip = random.standard_normal(n)
    days = [dt.date(2019, 3, 1) + dt.timedelta(days=int(d)) for d in random.integers(0, 31, n)]
    return pa.table(
        {
            "id": np.arange(n),
            "day": days,
            "fare": pa.array(fare, mask=random.random(n) < 0.1),
            "distance": random.gamma(2, 3, n),
            "tip": pa.array(tip, mask=random.random(n) < 0.05),
            "count": pa.array(random.integers(1, 6, n), pa.int16()),
            "zone": [None if i % 17 == 0 else f"Zóne {i % 5}" for i in range(n)],
            "paid": [None if i % 13 == 0 else i % 3 > 0 for i in range(n)],
            "note": ["x"] * n,
        }
    )


@pytest.fixture(scope="module")
def model(frames, interpreted, trips) -> PipelineModel:
    return Pipeline(STEPS, key=["id", "day", "zone"]).fit(frames.of("spark", trips))


@pytest.fixture(scope="module")
def expected(model, frames, trips) -> list[dict[str, Any]]:
    """Spark's own output."""
    return frames.table(model.transform(frames.of("spark", trips))).to_pylist()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.json"
    model.save(str(path))
    return path


def assert_same_rows(got: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(got) == len(expected)
    for mine, spark in zip(got, expected, strict=True):
        assert list(mine) == list(spark)
        for column, value in spark.items():
            if isinstance(value, float):
                assert mine[column] == pytest.approx(value, rel=1e-12, abs=1e-12), column
            else:
                assert mine[column] == value, column


# --- on every backend ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["polars", "pandas", "pyarrow"])
def test_a_model_fitted_on_spark_transforms_a_frame_in_memory_as_spark_does(model, frames, trips, expected, backend):
    assert len(expected) < len(trips)
    native = frames.of(backend, trips)
    out = model.transform(native)
    assert type(out) is type(native)
    assert_same_rows(frames.table(out).to_pylist(), expected)


def test_pandas_keeps_its_index(model, trips):
    df = trips.to_pandas().set_index(pd.Index(range(1000, 1200)))
    out = model.transform(df)
    assert (out.index == 1000 + out["id"]).all()


@pytest.mark.parametrize("backend", ["spark", "polars", "pandas", "pyarrow"])
def test_the_inverse_brings_back_all_but_the_losses(fitted, frames, trips, backend):
    steps = [step for step in STEPS if step.kind in ("split", "scale", "transform", "augment")]
    model = fitted(trips, *steps, key=["id"])
    back = frames.table(model.inverse_transform(model.transform(frames.of(backend, trips)))).sort_by("id")
    assert back.column_names == trips.column_names
    for column in ("fare", "distance", "tip"):
        original = [None if v is None or v != v else v for v in trips[column].to_pylist()]
        got = [None if v is None or v != v else v for v in back[column].to_pylist()]
        assert [v is None for v in got] == [v is None for v in original]
        assert [v for v in got if v is not None] == pytest.approx([v for v in original if v is not None], rel=1e-11)
    assert back["zone"].to_pylist() == trips["zone"].to_pylist()


PROGRAM = """
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pyspark", "delta", "datasketches"):
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Blocked())
from genspark.pipeline import Pipeline, PipelineModel
import pyarrow as pa, pyarrow.feather as feather

model_path, data_path, backend = sys.argv[1:]
table = feather.read_table(data_path)
if backend == "polars":
    import polars
    frame = polars.from_arrow(table)
else:
    frame = table.to_pandas()
model = PipelineModel.load(model_path)
out = model.transform(frame)
back = model.inverse_transform(out)
to_arrow = lambda f: f.to_arrow() if backend == "polars" else pa.Table.from_pandas(f, preserve_index=False)
feather.write_feather(to_arrow(out), data_path + ".out")
feather.write_feather(to_arrow(back), data_path + ".back")
assert not {"pyspark", "delta", "datasketches"} & set(sys.modules)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["polars", "pandas"])
def test_no_spark_is_needed_to_serve(saved, trips, expected, tmp_path, backend):
    from pyarrow import feather

    path = tmp_path / "trips.feather"
    feather.write_feather(trips, path)
    command = [sys.executable, "-c", PROGRAM, str(saved), str(path), backend]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert_same_rows(feather.read_table(f"{path}.out").to_pylist(), expected)
    back = feather.read_table(f"{path}.back").to_pylist()
    assert list(back[0]) == [name for name in trips.column_names if name != "note"]
    tips = {row["id"]: row["tip"] for row in trips.to_pylist()}
    for row in back:
        missing = tips[row["id"]] is None
        assert row["tip"] is None if missing else row["tip"] == pytest.approx(tips[row["id"]], rel=1e-12)


def test_importing_the_model_imports_no_spark():
    heavy = {"pyspark", "pandas", "datasketches", "deltalake"}
    program = f"import sys, genspark.pipeline.model; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- what a frame must have ---------------------------------------------------------------------------------


def test_absent_columns_are_named_all_at_once(model):
    with pytest.raises(SchemaError) as refused:
        model.transform(pl.DataFrame({"id": [1], "day": [dt.date(2019, 3, 1)], "zone": ["a"], "fair": [1.0]}))
    assert "the model needs column 'fare'; did you mean 'fair'?" in refused.value.problems
    assert len(refused.value.problems) == 5


def test_a_column_that_a_step_makes_is_not_asked_for(fitted):
    model = fitted(
        {"x": [1.0, None]}, Impute("x", indicator=True), Cast({"x_is_missing": "float64"}), Scale("x_is_missing")
    )
    assert model.transform(pl.DataFrame({"x": [1.0]}))["x_is_missing"].to_list() == [-1.0]


def test_a_key_of_another_kind_is_refused_as_it_would_hash_to_other_parts(fitted):
    model = fitted({"id": [1, 2]}, Split({"a": 0.5, "b": 0.5}))
    with pytest.raises(SchemaError, match="column 'id' was Int64 when the model was fitted and is Float64 here"):
        model.transform(pd.DataFrame({"id": [1, None]}))
    narrow = model.transform(pd.DataFrame({"id": np.array([1, 2], dtype=np.int8)}))
    assert narrow["split"].tolist() == model.transform(pl.DataFrame({"id": [1, 2]}))["split"].to_list()


def test_nullable_integers_of_pandas_hash_as_integers(fitted, frames, interpreted):
    table = pa.table({"id": [1, None, 3]})
    model = fitted(table, Split({"a": 0.5, "b": 0.5}))
    expected = frames.table(model.transform(frames.of("spark", table)))["split"].to_pylist()
    assert model.transform(pd.DataFrame({"id": pd.array([1, None, 3], "Int64")}))["split"].tolist() == expected


def test_columns_the_model_does_not_know_pass_through(fitted):
    model = fitted({"x": [1.0, 3.0]}, Scale("x"))
    got = model.transform(pl.DataFrame({"new": ["a"], "x": [5.0]}))
    assert got.to_dict(as_series=False) == {"new": ["a"], "x": [3.0]}


def test_losses_come_in_the_order_of_the_steps(fitted):
    model = fitted({"x": [1.0], "y": [2.0]}, Impute("x", name="fill"), Outliers("x", action="clip"), Select("x"))
    assert model.losses() == [
        "fill: imputed values of 'x' stay; which were missing is not undone",
        "outliers: clipped values stay at the bound ('x')",
        "select: 'y' was left out",
    ]


def test_a_rule_for_the_input_holds_for_new_data(fitted):
    model = fitted({"x": [1.0]}, Transform("x", "sqrt"))
    with pytest.raises(DataError, match="column 'x' has the value -1.0"):
        model.transform(pa.table({"x": [4.0, -1.0]}))


# --- the file -----------------------------------------------------------------------------------------------


def test_a_saved_model_is_the_model(saved, model):
    again = PipelineModel.load(str(saved))
    assert again.to_json() == model.to_json()
    assert again.steps == model.steps
    assert again.sha256 == model.sha256


def test_the_file_is_json_of_the_documented_shape(saved, model):
    content = json.loads(saved.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    names = ["format", "genspark", "source", "key", "input_schema", "steps", "parameters", "states", "sha256"]
    assert list(content) == names
    assert content["sha256"] == model.sha256
    assert content["steps"][0] == {"split": {"fractions": {"train": 0.7, "test": 0.3}, "seed": 7}}
    assert len(content["steps"]) == len(content["parameters"]) == len(STEPS)


def test_a_model_of_infinities_and_empty_columns_is_still_json(fitted, tmp_path):
    columns = {"x": [INF, -INF, INF, None], "y": pa.array([None] * 4, pa.float64())}
    model = fitted(columns, Impute(["x", "y"], "mode"), Outliers(["x", "y"], "iqr"), Scale(["x", "y"]))
    model.save(str(tmp_path / "m.json"))
    assert PipelineModel.load(str(tmp_path / "m.json")).to_json() == model.to_json()


@pytest.mark.parametrize(
    ("old", "new"),
    [('"seed": 7', '"seed": 8'), ('"train": 0.7', '"train": 0.75'), ('"missing": 0', '"missing": 1'), ('"id"', '"ID"')],
)
def test_a_changed_file_is_refused(saved, tmp_path, old, new):
    text = saved.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "changed.json"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ModelError, match="its sha256 does not match its content: the file was changed or cut short"):
        PipelineModel.load(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": 99}', "its format is 99 and this genspark reads 1; fit again"),
        ("{}", "its format is None"),
        ("[1]", "not a genspark model, which is a JSON object"),
        ('{"format": 1, "steps": [', "not a model that can be read"),
        ("", "not a model that can be read"),
    ],
    ids=["other format", "no format", "list", "cut short", "empty"],
)
def test_what_is_no_model_is_refused(tmp_path, content, message):
    path = tmp_path / "model.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=message) as refused:
        PipelineModel.load(str(path))
    assert str(path) in str(refused.value)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ModelError, match="there is no model here; fit one first, or correct the path"):
        PipelineModel.load(str(tmp_path / "none.json"))


def test_parts_of_a_split_in_another_order_are_a_change(saved, tmp_path):
    content = json.loads(saved.read_text(encoding="utf-8"))
    fractions = content["steps"][0]["split"]["fractions"]
    content["steps"][0]["split"]["fractions"] = dict(reversed(fractions.items()))
    path = tmp_path / "turned.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match="its sha256 does not match"):
        PipelineModel.load(str(path))


def test_a_step_of_a_newer_genspark_is_named():
    with pytest.raises(ModelError, match="step 'whiten' is not known here: the model is from a newer genspark"):
        step_from_json({"whiten": {"columns": ["x"]}})


def test_a_model_without_columns_of_its_own_survives(fitted, tmp_path):
    model = fitted({"x": [1.0]})
    model.save(str(tmp_path / "m.json"))
    assert PipelineModel.load(str(tmp_path / "m.json")).transform(pl.DataFrame({"z": [1]}))["z"].to_list() == [1]
