"""The benchmark of scores runs, its programs agree, and it tells of those that are not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--vectors", "300", "--dimensions", "8", "--segments", "50", "--rows", "300", "--repeat", "1"]


@pytest.mark.slow
def test_it_runs_on_a_few_rows(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "benchmarks" / "evaluate.py", *SMALL, "--out", tmp_path, "--json", tmp_path / "j"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=True)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    found = {(measure, program): figures for measure, program, *figures in cells}
    for measure, reference in (("frechet", "numpy"), ("bleu", "sacrebleu")):
        ours, theirs = (float(found[measure, program][3]) for program in ("genspark", reference))
        assert ours == pytest.approx(theirs, rel=1e-6)
    assert float(found["rows", "genspark"][3]) > 0.5
    assert found["rows", "sdmetrics"][0].startswith("not run: ModuleNotFoundError: No module named 'sdmetrics'")
    assert (tmp_path / "j").stat().st_size > 100
