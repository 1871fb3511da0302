"""docs/storage.md: its commands run as they are written, and its YAML is a job."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import servers
from test_taxis import shards

from genspark import JobConfig

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    found = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.mark.slow
def test_the_commands_run(started: Callable[[str], Any], prefix: str, data: Path, tmp_path: Path) -> None:
    store = started("s3")
    store.put(f"{prefix}/in/a.csv.gz", shards(data)["a.csv.gz"])
    program = tmp_path / "genspark"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m genspark.cli "$@"\n')
    program.chmod(0o755)
    with servers.reachable(store):
        environment = {**os.environ, "STORE": store.uri(prefix), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        for block in blocks("sh"):
            command = ["/bin/sh", "-e", "-c", block]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    assert store.names(f"{prefix}/models") != []
    assert store.names(f"{prefix}/tables/taxis_runs/_delta_log") != []


def test_the_yaml_is_a_job() -> None:
    variables = {"MINIO_URL": "http://127.0.0.1:9000", "MINIO_KEY": "a-key", "MINIO_SECRET": "a-secret"}
    for block in blocks("yaml"):
        there = JobConfig.from_text(block, env=variables)
        assert there.storage.s3.endpoint == variables["MINIO_URL"]
        assert variables["MINIO_SECRET"] not in repr(there)
