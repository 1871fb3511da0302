"""A disk that fills up while a run writes: one clear message, all as before, and with more space the rerun is right."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from delta_logs import Log
from evidence import Before, left_behind, wrong
from fault_jobs import Case, Place
from genspark_runs import run_here
from live_readers import Readers

from genspark.cli import main

CASE = Case((0,), (1, 2, 3), (0, 1, 2, 3), "mode: append", rows=20_000)
"""Row ids alone, which nothing compresses, take 480 kB of what the run writes."""
DISK, LEFT = 16 << 20, 300 << 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk; test_a_limit_on_the_size_of_files runs for everyone")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.classic
@pytest.mark.parametrize(
    "engine",
    [
        "polars",
        "spark",
        pytest.param("spark-polars", marks=pytest.mark.exhaustive),
        pytest.param("spark-delta", marks=[pytest.mark.on_spark, pytest.mark.exhaustive]),
    ],
)
def test_a_disk_that_fills_up(
    request: pytest.FixtureRequest, small_disk: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    if engine != "polars":
        request.getfixturevalue("interpreted")
    place, filler = Place(small_disk / "work"), small_disk / "filler"
    place.prepare(CASE, engine, run_here)
    before = Before.of(place)
    with Readers(place.table, CASE.visible()) as readers:
        free = os.statvfs(small_disk)
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize - LEFT))
        assert main(["run", str(place.conf), "-q"]) == 1
        told = capsys.readouterr().err
        assert re.search(r"^genspark: sink\.path: .*[Nn]o space.*$", told, re.MULTILINE), told
        assert "Traceback" not in told
        assert Before.of(place).table == before.table
        # Spark's own writer cannot take back rows without space for a commit, and its files name no run: the next run
        # takes back the rows, VACUUM the files, and nobody Hadoop's drafts of a log entry.
        if engine != "spark-delta":
            assert Log.read(place.quarantine).rows("id") == [(0,)]
            assert list(left_behind(place)) == []
            files = {path.name for path in place.table.glob("g=*/*.parquet")}
            assert files == {Path(path).name for path in Log.read(place.table).files()}
        filler.unlink()
        report = run_here(place.conf)
    assert readers.surprises == []
    assert [what for what in wrong(place, CASE, before, report) if ".json." not in what] == []
