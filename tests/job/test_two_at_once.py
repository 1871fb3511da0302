"""What a scheduler may do to a run: start it twice at once, and have the table moved away as it works."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
COMMAND = [sys.executable, "-m", "genspark.cli", "run"]
ROWS = 400_000


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    numbers = pl.int_range(ROWS, eager=True)
    pl.DataFrame({"k": numbers, **{f"v{n}": (numbers * (n + 3)) % 101 for n in range(20)}}).write_parquet(
        tmp_path / "in/a.parquet"
    )
    conf = tmp_path / "job.yaml"
    conf.write_text(
        f"name: twice\nengine: polars\nkey: k\nsource: {{path: '{tmp_path}/in', format: parquet}}\n"
        f"steps: [scale: {{columns: 'v*'}}]\nsink: {{path: '{tmp_path}/out', mode: append}}\n"
    )
    return conf


def started(conf: Path) -> subprocess.Popen[str]:
    command = [*COMMAND, str(conf), "--json", "-q"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def keys(table: Path) -> tuple[int, int]:
    found = pl.scan_delta(str(table)).select(pl.len(), distinct=pl.col("k").n_unique()).collect()
    return tuple(found.row(0))


def test_of_two_at_once_one_does_the_work_and_both_end_well(conf: Path) -> None:
    two = [started(conf), started(conf)]
    said = [process.communicate(timeout=120) for process in two]
    assert [process.returncode for process in two] == [0, 0], said
    reports = [json.loads(out.splitlines()[-1]) for out, _ in said]
    assert sorted(report["already_done"] for report in reports) == [False, True]
    assert reports[0]["run_id"] == reports[1]["run_id"]
    assert keys(conf.parent / "out") == (ROWS, ROWS)


def test_a_table_that_is_moved_under_a_run_is_whole_and_the_run_says_so(conf: Path) -> None:
    table, moved = conf.parent / "out", conf.parent / "moved"
    assert started(conf).wait(timeout=120) == 0
    pl.read_parquet(conf.parent / "in/a.parquet").with_columns(pl.col("k") + ROWS).write_parquet(
        conf.parent / "in/b.parquet"
    )
    process = started(conf)
    while not list(table.glob("_genspark/runs/*.json")):
        time.sleep(0.0005)
        assert process.poll() is None
    table.rename(moved)
    _, errors = process.communicate(timeout=120)
    assert str(table) in errors
    # Moved before the run read the model of the rows that are there, that is what lacks.
    said = {1: ("nothing was changed", "as it was"), 2: ("there is no model here",)}[process.returncode]
    assert any(words in errors for words in said), errors
    assert keys(moved) == (ROWS, ROWS)
    # The next run finds no table, and makes it of all that is in the source.
    assert started(conf).wait(timeout=120) == 0
    assert keys(table) == (2 * ROWS, 2 * ROWS)
