"""The circle closes: samples of a model that learnt from the cleaned table score better, as example and as notebook."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_same_model_on_the_raw_table_scores_worse(tmp_path: Path) -> None:
    scores = runpy.run_path(str(ROOT / "examples" / "circle.py"))["main"](tmp_path)
    cleaned, raw = scores["cleaned"], scores["raw"]
    assert cleaned["frechet_distance"] < raw["frechet_distance"] / 5
    assert cleaned["precision"] > 0.5 > 0.1 > raw["precision"]
    page = (tmp_path / "cleaned.html").read_text(encoding="utf-8")
    assert "frechet distance" in page
    assert len(page) < 10_000_000


@pytest.mark.slow
def test_the_notebook_runs_and_draws_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    notebook = nbformat.read(ROOT / "notebooks" / "evaluation.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    monkeypatch.setenv("EVALUATION", str(tmp_path / "files"))
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in code for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1
