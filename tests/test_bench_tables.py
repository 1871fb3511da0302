"""The benchmark of training tables runs end to end on a few hundred rows, and its programs agree."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_tables_benchmark_runs_and_its_programs_agree(tmp_path):
    figures = tmp_path / "figures.json"
    options = ["--rows", "400", "--engines", "polars", "--measures", "everything,global", "--repeat", "1"]
    ended = subprocess.run(
        [sys.executable, BENCHMARKS / "tables.py", *options, "--out", tmp_path / "out", "--json", figures],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(figures.read_text(encoding="utf-8"))
    assert [run["peer"] for run in result["runs"]] == ["polars.everything", "polars", "polars.global"]
    assert result["disagreements"] == []
    assert "| global | polars.global |" in ended.stdout
