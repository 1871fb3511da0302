"""Scaling left to the readers: what they give is what the step writes where it is not left to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from genspark.errors import SchemaError, SinkError
from genspark.readers import Mixture, TrainingTable


def job(folder: Path, steps: list, engine: str = "polars", **sink: str):
    from genspark.config import JobConfig
    from genspark.job import run

    (folder / "source").mkdir(parents=True)
    random = np.random.default_rng(0)
    vectors = random.standard_normal((50, 3)).astype(np.float32) * 7 + 1
    rows = pl.DataFrame(
        {
            "id": range(50),
            "x": [None if n == 3 else 5 + 2.0 * n for n in range(50)],
            "n": range(50),
            "vector": pl.Series(vectors.tolist(), dtype=pl.List(pl.Float32)),
        }
    )
    rows.write_parquet(folder / "source" / "rows.parquet")
    config = {
        "name": folder.name,
        "engine": engine,
        "key": ["id"],
        "source": {"path": str(folder / "source"), "format": "parquet"},
        "steps": steps,
        "sink": {"path": str(folder / "table"), **sink},
    }
    return run(JobConfig.model_validate(config)), rows


def steps(**more) -> list:
    return [
        {"scale": {"columns": ["x", "n"], **more}},
        {"scale": {"columns": "vector", "elements": "each", "method": "minmax", "name": "vectors", **more}},
    ]


def whole(table: TrainingTable) -> dict:
    batch = next(iter(table.reader(global_batch_size=50)))
    order = np.argsort(batch["id"])
    return {name: values[order] for name, values in batch.items()}


@pytest.fixture(scope="module", params=["polars", "spark"])
def deferred(request, tmp_path_factory):
    if request.param == "spark":
        request.getfixturevalue("spark")
    folder = tmp_path_factory.mktemp("deferred")
    return folder, *job(folder, steps(defer=True), request.param)


def test_the_reader_gives_what_the_step_would_have_written(deferred, tmp_path):
    folder, _, rows = deferred
    stored = pl.read_delta(str(folder / "table")).sort("id").select(rows.columns)
    assert stored.equals(rows)
    job(tmp_path, steps())
    expected, found = whole(TrainingTable(str(tmp_path / "table"))), whole(TrainingTable(str(folder / "table")))
    for name in ("x", "n", "vector"):
        assert found[name].dtype == expected[name].dtype
        # Polars divides by a product with the inverse, whose last digit may differ.
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6 if name == "vector" else 1e-14)
    plain = whole(TrainingTable(str(folder / "table"), scale=False))
    np.testing.assert_array_equal(plain["n"], np.arange(50))
    arrow = next(iter(TrainingTable(str(folder / "table")).reader(global_batch_size=50, batches="arrow")))
    assert sorted(arrow["n"].to_pylist()) == sorted(found["n"].tolist())


def test_samples_come_back_to_the_table_s_scale_and_the_model_leaves_them(deferred):
    from genspark.pipeline import PipelineModel

    folder, report, rows = deferred
    table = TrainingTable(str(folder / "table"))
    back = table.unscaled(whole(table))
    np.testing.assert_allclose(back["n"], np.arange(50), atol=1e-12)
    np.testing.assert_allclose(back["vector"], np.array(rows["vector"].to_list()), rtol=1e-5)
    model = PipelineModel.load(report.model)
    assert model.inverse_transform(model.transform(rows)).equals(rows)
    assert model.parameters[0]["maps"]["n"][0] == 24.5


def test_a_condition_is_over_the_values_of_the_table(deferred):
    table = TrainingTable(str(deferred[0] / "table"), columns=["id", "n"], where=pl.col("n") >= 40)
    batch = next(iter(table.reader(global_batch_size=10)))
    assert sorted(batch["id"]) == list(range(40, 50))


def test_later_steps_may_not_write_what_is_left_to_readers(tmp_path):
    with pytest.raises(SchemaError, match="'x' is left to the table's readers by scale.*put scale after this step"):
        job(tmp_path / "1", [*steps(defer=True), {"impute": {"columns": ["x"]}}])
    _, _ = job(tmp_path / "2", [{"scale": {"columns": "n", "defer": True}}, {"impute": {"columns": ["x"]}}])
    _, _ = job(tmp_path / "3", [{"scale": {"columns": "n", "method": "maxabs", "defer": True}}])
    one, other = (TrainingTable(str(tmp_path / name / "table"), columns=["n", "id"]) for name in "23")
    with pytest.raises(SchemaError, match="left to be scaled in different ways"):
        Mixture([(one, 1), (other, 1)])


def test_rows_that_are_scaled_and_rows_that_are_not_are_in_no_table_together(tmp_path):
    path = str(tmp_path / "1" / "table")
    plain, deferred = ([{"scale": {"columns": "x", **more}}] for more in ({}, {"defer": True}))
    job(tmp_path / "1", deferred)
    with pytest.raises(SinkError, match=r"readers scale \['x'\], and this job leaves them none"):
        job(tmp_path / "2", plain, path=path, mode="append")
    job(tmp_path / "3", deferred, path=path, mode="append")
    assert len(TrainingTable(path)) == 100
    job(tmp_path / "4", plain, path=path, mode="overwrite")
    # Scaled once, by the job.
    assert np.nanstd(whole(TrainingTable(path))["x"]) == pytest.approx(1)
