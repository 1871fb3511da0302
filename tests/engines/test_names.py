"""Columns of any name, on every engine: in frames and in whole jobs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import genspark
from genspark.errors import SchemaError, TargetError
from genspark.pipeline import Pipeline
from genspark.steps import Encode, Impute, Outliers, Scale, Split

ODD = ["a.b", "a", "a`b", "trip distance", "x,y", 'the "x"', "größe", "{c};(d)=e", " lead", "tail ", "tab\tnew\nline"]
ODD += ["it's", "back\\slash", "[p]*?", "$x", "1", "select", "%s", "a.*", "*b"]
PLAIN = [f"c{number}" for number in range(len(ODD))]
ENGINES = ["polars", "spark", "spark-polars"]


def table_of(names, key, group):
    values = np.random.default_rng(0).normal(size=(len(names), 24)).round(2)
    numbers = [[None if i % 7 == 3 else value for i, value in enumerate(row)] for row in values]
    return pa.table({**dict(zip(names, numbers, strict=True)), group: ["p", "q", "r"] * 8, key: list(range(24))})


def pipeline(names, key, group):
    return Pipeline(
        [
            Impute(names[:4], by=group, indicator=True),
            Impute(names[4:8], "model", iterations=2),
            Outliers(names[8:12], method="iqr", threshold=1.0, action="clip"),
            Scale(names[12:14], "quantile"),
            Scale(names[14:]),
            Encode(group),
            Split({"train": 0.5, "test": 0.5}),
        ],
        key=[key],
    )


def there_and_back(steps, frame, frames, key):
    model = steps.fit(frame)
    after = model.transform(frame)
    tables = [frames.table(native).sort_by(key) for native in (after, model.inverse_transform(after))]
    return [list(column) for table in tables for column in table.to_pydict().values()]


@pytest.mark.parametrize("backend", ["spark", "polars", "polars-lazy", "pandas", "pyarrow"])
def test_steps_take_any_name_for_the_name_of_a_column(frames, backend, request):
    if backend == "spark":
        request.getfixturevalue("interpreted")
    odd, plain = (tuple(ODD), "k 1", "s.t `u`"), (tuple(PLAIN), "k", "s")
    expected = there_and_back(pipeline(*plain), frames.of("polars", table_of(*plain)), frames, "k")
    found = there_and_back(pipeline(*odd), frames.of(backend, table_of(*odd)), frames, "k 1")
    for one, other in zip(found, expected, strict=True):
        if isinstance(other[0], str):
            assert one == other
        else:
            np.testing.assert_allclose(np.array(one, float), np.array(other, float), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["", "*", "^a$"])
def test_what_is_no_name_to_polars_is_refused_on_every_engine(name):
    with pytest.raises(SchemaError, match="in the source"):
        Pipeline([]).plan_for({name: None})


def test_names_that_spark_cannot_tell_apart_are_refused_before_work_starts(spark):
    frame = spark.createDataFrame([(1.0, 2.0)], "x double, X double")
    with pytest.raises(SchemaError, match="columns 'x' and 'X' differ in case alone, so that Spark cannot tell them"):
        Pipeline([Scale("x")]).fit(frame)


# --- whole jobs ---------------------------------------------------------------------------------------------

every_engine = pytest.mark.parametrize("engine", ENGINES)


def job(tmp_path, engine, spark, steps, name="trip distance", **sink):
    source = tmp_path / "in.csv"
    if not source.exists():
        pc.write_csv(pa.table({name: [1.0, 2.0, 3.0, 90.0], "a.b`c": ["p", "q", "p", "q"], "i": [1, 2, 3, 4]}), source)
        source.open("a").write("1,2\n")
    config = {
        "name": "names",
        "engine": engine,
        "source": {"path": str(source), "format": "csv"},
        "steps": steps,
        "sink": {"path": str(tmp_path / "out"), **sink},
    }
    return genspark.run(genspark.JobConfig.model_validate(config), spark=None if engine == "polars" else spark)


@every_engine
def test_a_job_renames_for_the_table_and_the_quarantine_holds_the_rows_all_the_same(tmp_path, spark, engine):
    steps = [
        {"outliers": {"columns": "trip distance", "threshold": 1.5, "action": "quarantine"}},
        {"rename": {"rule": "snake_case", "columns": {"a.b`c": "p.`q"}}},
    ]
    report = job(tmp_path, engine, spark, steps, partition_by=["p.`q"])
    table = pl.DataFrame(DeltaTable(report.table).to_pyarrow_dataset().to_table(use_threads=False)).sort("i")
    assert table.select("trip_distance", "p.`q").rows() == [(1.0, "p"), (2.0, "q"), (3.0, "p")]
    aside = DeltaTable(report.quarantine)
    rows = pl.DataFrame(aside.to_pyarrow_dataset().to_table(use_threads=False)).sort("i", nulls_last=True)
    assert rows.columns == ["trip_distance", "a.b`c", "i", "_corrupt_record", "_file", "_reasons", "_run_id"]
    assert rows["i"].to_list() == [4, None]
    assert rows["_reasons"][0][0]["column"] == "trip distance"
    assert '"renamed": {"trip_distance": "trip distance"}' in aside.history(1)[0]["userMetadata"]


@every_engine
def test_a_name_that_the_sink_cannot_hold_stops_the_job_before_any_work(tmp_path, spark, engine):
    with pytest.raises(TargetError, match=r"sink: column 'trip distance' has a blank.*rename: \{columns: "):
        job(tmp_path, engine, spark, [{"scale": {"columns": "trip distance"}}])
    assert not (tmp_path / "out").exists()


@every_engine
def test_fields_inside_a_quarantined_column_get_names_that_a_table_holds(tmp_path, spark, engine):
    inside = [{"x y": 1, "in": [{"p=q": "v"}]}, None, {"x y": 2, "in": None}]
    table = pa.table({"s": [*inside, None], "v": [-1.0, -1.0, -1.0, 1.0], "i": [0, 1, 2, 3]})
    pq.write_table(table, tmp_path / "in.parquet")
    config = {
        "name": "names",
        "engine": engine,
        "source": {"path": str(tmp_path / "in.parquet"), "format": "parquet"},
        "steps": [
            {"drop": {"columns": "s"}},
            {"transform": {"columns": "v", "function": "log", "invalid": "quarantine"}},
        ],
        "sink": {"path": str(tmp_path / "out")},
    }
    report = genspark.run(genspark.JobConfig.model_validate(config), spark=None if engine == "polars" else spark)
    rows = DeltaTable(report.quarantine).to_pyarrow_dataset().to_table(use_threads=False).sort_by("i")
    assert rows["s"].to_pylist() == [{"x_y": 1, "in": [{"p_q": "v"}]}, None, {"x_y": 2, "in": None}]
