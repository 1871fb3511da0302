"""The benchmark of trust runs end to end on a few hundred rows: its audits agree, and genspark's is one scan."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.exhaustive
def test_trust_benchmark_runs_and_its_audits_agree(tmp_path):
    figures = tmp_path / "figures.json"
    options = [
        "--measures",
        "rules,audit,pii",
        "--engines",
        "polars",
        "--rows",
        "400",
        "--texts",
        "80",
        "--repeat",
        "1",
    ]
    ended = subprocess.run(
        [sys.executable, BENCHMARKS / "trust.py", *options, "--out", tmp_path / "out", "--json", figures],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    runs = {run["peer"]: run for run in json.loads(figures.read_text(encoding="utf-8"))["runs"]}
    own = runs["genspark:audit"]
    assert (own["scans"], sum(counts[0] for counts in own["told"].values())) == (1, 400)
    assert own["told"] == runs["pandas:audit"]["told"] == runs["polars:audit"]["told"]
