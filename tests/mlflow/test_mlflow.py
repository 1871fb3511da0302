"""What MLflow keeps of tables, models and runs, in a store of files of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from genspark import job
from genspark.config import JobConfig
from genspark.errors import ConfigError, SourceError
from genspark.mlflow import dataset, log_model, log_table
from genspark.pipeline import PipelineModel

ROWS = pl.DataFrame({"k": [1, 2, 3, 4], "v": [1.0, None, 3.0, 4.0], "t": ["a", "b", "a", "b"]})


@pytest.fixture(scope="module")
def mlflow() -> Any:
    """Imported where these tests run, and not where they are collected: it takes seconds."""
    return pytest.importorskip("mlflow", reason="MLflow is not installed: pip install mlflow-skinny")


@pytest.fixture
def folder(mlflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(f"file://{tmp_path}/runs")
    mlflow.set_experiment("mine")
    ROWS.write_delta(tmp_path / "raw")
    return tmp_path


class Notes(job.Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def made(folder: Path, notes: Notes | None = None, **more: object) -> job.RunReport:
    steps = [{"impute": {"columns": ["v"], "strategy": "median"}}, {"scale": {"columns": ["v"]}}]
    config = {
        "name": "small",
        "engine": "polars",
        "key": "k",
        "source": {"path": str(folder / "raw"), "format": "delta"},
        "steps": steps,
        "sink": {"path": str(folder / "out")},
        "tracking": {"mlflow": "tables"},
        **more,
    }
    return job.run(JobConfig.model_validate(config), progress=notes)


def test_a_run_is_logged_with_what_it_read_and_wrote_and_its_model(mlflow: Any, folder: Path) -> None:
    ROWS.write_delta(folder / "raw", mode="overwrite")
    report = made(folder)
    (run,) = mlflow.MlflowClient().search_runs([mlflow.get_experiment_by_name("tables").experiment_id])
    assert run.data.tags["genspark.run_id"] == report.run_id
    assert run.data.params["model_sha256"] == report.model_sha256
    assert (run.data.metrics["rows_read"], run.data.metrics["rows_written"]) == (4, 4)
    inputs = {one.tags[0].value: one.dataset for one in run.inputs.dataset_inputs}
    assert {context: one.name for context, one in inputs.items()} == {"source": "raw", "written": "out"}
    assert json.loads(inputs["source"].source) == {"path": str(folder / "raw"), "delta_table_version": 1}
    assert inputs["written"].digest == dataset(str(folder / "out")).digest
    columns = json.loads(inputs["source"].schema)["mlflow_colspec"]
    assert [column["type"] for column in columns] == ["long", "double", "string"]


def test_the_logged_model_transforms_and_inverts(mlflow: Any, folder: Path) -> None:
    report = made(folder, tracking=None)
    model = PipelineModel.load(report.model)
    with mlflow.start_run():
        info = log_model(report.model)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    # By hand: the median 3 fills; then mean 2.75, and the deviation of 1, 3, 3, 4 is the root of 1.1875.
    scaled = loaded.predict(ROWS)
    assert scaled["v"].to_list() == pytest.approx([(value - 2.75) / 1.1875**0.5 for value in (1, 3, 3, 4)])
    assert loaded.predict(scaled, params={"inverse": True})["v"].to_list() == pytest.approx([1, 3, 3, 4])
    frame = ROWS.to_pandas()
    assert_frame_equal(pl.from_pandas(loaded.predict(frame)), pl.from_pandas(model.transform(frame)))
    assert info.metadata["genspark"]["model_sha256"] == model.sha256
    assert not list(Path(info.artifact_path or "").rglob("*.pkl"))


def test_a_version_of_a_table_is_a_dataset(mlflow: Any, folder: Path) -> None:
    ROWS.write_delta(folder / "raw", mode="append")
    ROWS.write_delta(folder / "other")
    one, two = dataset(str(folder / "raw"), 0), dataset(str(folder / "raw"))
    assert [found.digest.split("-")[0] for found in (one, two)] == ["0", "1"]
    # Another table of the same version is another dataset, whatever it is called.
    assert dataset(str(folder / "other"), name="raw").digest != one.digest
    assert [(column.name, column.type.name) for column in one.schema.inputs] == [
        ("k", "long"),
        ("v", "double"),
        ("t", "string"),
    ]
    with mlflow.start_run() as run:
        log_table(str(folder / "raw"))
    (logged,) = mlflow.MlflowClient().get_run(run.info.run_id).inputs.dataset_inputs
    assert (logged.dataset.digest, logged.tags[0].value) == (two.digest, "training")
    with pytest.raises(SourceError, match="there is no table that can be read"):
        dataset(str(folder / "nothing"))


def test_a_store_that_takes_nothing_is_a_note_and_no_failure(mlflow: Any, folder: Path) -> None:
    mlflow.set_tracking_uri(f"file://{folder}/raw/_delta_log/00000000000000000000.json")
    notes = Notes()
    assert made(folder, notes).rows_written == 4
    assert [line for line in notes.lines if line.startswith("tracking.mlflow: 'tables' did not get the run")]


def test_no_mlflow_is_told_before_a_row_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    with pytest.raises(ConfigError, match="tracking.mlflow: MLflow cannot be imported .*pip install mlflow-skinny"):
        made(folder)
    assert not (folder / "out").exists()
