"""The tutorial is committed without outputs, and runs from the first cell to the last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

QUICKSTART = Path(__file__).resolve().parents[1] / "notebooks" / "quickstart.ipynb"
ON_CONNECT = os.environ.get("GENSPARK_TEST_SESSION") == "connect"


@pytest.fixture
def notebook() -> Any:
    nbformat = pytest.importorskip("nbformat")
    return nbformat.read(QUICKSTART, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: Any, kind: str) -> list[Any]:
    return [output for cell in code_cells(notebook) for output in cell.outputs if output.output_type == kind]


def test_it_is_committed_without_outputs(notebook: Any) -> None:
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(notebook))


def test_it_names_the_kernel_that_every_jupyter_has(notebook: Any) -> None:
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.slow
def test_it_runs_and_draws_two_figures(notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("GENSPARK_QUICK", "1")
    monkeypatch.setenv("QUICKSTART", str(tmp_path / "files"))
    if ON_CONNECT:
        monkeypatch.setenv("SPARK_REMOTE", "local[2]")
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert outputs(notebook, "error") == []
    assert sum("image/png" in output.data for output in outputs(notebook, "display_data")) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"files"}
    assert {path.name for path in (tmp_path / "files").iterdir()} == {"shards", "table", "model.json"}
