"""The benchmark of readers runs, and tells of peers that are not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'genspark[torch]'")

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_it_runs_on_a_few_samples(tmp_path):
    asked = ["--peers", "genspark-threads,bare,mosaic", "--samples", "150", "--repeat", "1", "--folder", tmp_path]
    command = [sys.executable, ROOT / "benchmarks" / "readers.py", *asked, "--kinds", "small,tokens"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        [f"| {kind}", peer] for kind in ("small", "tokens") for peer in ("genspark-threads", "bare", "mosaic")
    ]
    assert all(line.count("not run") == ("mosaic" in line) for line in lines[2:])
