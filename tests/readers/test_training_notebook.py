"""The notebook of training is committed without outputs, and runs from the table to samples."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'genspark[torch]'")
nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

TRAINING = Path(__file__).resolve().parents[2] / "notebooks" / "training.ipynb"


@pytest.mark.slow
def test_it_runs_and_draws_two_figures(tmp_path, monkeypatch):
    notebook = nbformat.read(TRAINING, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    monkeypatch.setenv("GENSPARK_QUICK", "1")
    monkeypatch.setenv("TRAINING", str(tmp_path / "files"))
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in code for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "'epoch': 0, 'step': 10" in printed
