"""The text benchmark runs end to end on a few hundred rows, and its two peers without Spark agree."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_text_benchmark_runs_and_its_peers_agree(tmp_path):
    figures = tmp_path / "figures.json"
    options = ["--rows", "400", "--kinds", "quoted.csv", "--told", "--clean", "--peers", "genspark-polars,polars"]
    ended = subprocess.run(
        [sys.executable, BENCHMARKS / "text.py", *options, "--out", tmp_path / "out", "--json", figures],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (result,) = json.loads(figures.read_text(encoding="utf-8"))["results"]
    assert [run["status"] for run in result["runs"]] == ["ok", "ok"]
    assert result["disagreements"] == []
    assert 300 < result["runs"][0]["table"]["rows"] <= 400
