"""The notebook of training runs from the table to samples."""

from __future__ import annotations

import pytest

from notebooks import executed, figures

pytest.importorskip("torch", reason="torch is not installed: pip install 'genspark[torch]'")


@pytest.mark.slow
def test_it_runs_and_draws_two_figures(tmp_path, monkeypatch):
    monkeypatch.setenv("GENSPARK_QUICK", "1")
    monkeypatch.setenv("TRAINING", str(tmp_path / "files"))
    outputs = executed("training.ipynb", tmp_path)
    assert figures(outputs) == 2
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "'epoch': 0, 'step': 10" in printed
