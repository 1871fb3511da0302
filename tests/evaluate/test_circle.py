"""The circle closes: samples of a model that learnt from the cleaned table score better, as example and as notebook."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from notebooks import executed, figures

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
    monkeypatch.setenv("EVALUATION", str(tmp_path / "files"))
    assert figures(executed("evaluation.ipynb", tmp_path)) == 1
