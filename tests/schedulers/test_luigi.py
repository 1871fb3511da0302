"""Luigi runs a night for real: killed in the middle and started again, twice at once, and with a table that moved."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import deltalake
import polars as pl
import pytest
from scheduling import done, killed, variables

DAY = "2026-11-26"
NIGHT = 257
"""The rows that land in that night; in each of the two after it lands one less."""


def command(schedulers: Path, task: str, out: Path, day: str = DAY) -> list[str]:
    more = ["--day", day, "--out", str(out), "--local-scheduler", "--retcode-task-failed", "30"]
    return [str(schedulers / "bin" / "luigi"), "--module", "luigi_tasks", task, *more]


def ids(out: Path) -> list[str]:
    """The ids of all rows that were kept, and of those that were set aside."""
    kept = pl.read_delta(str(out / "table"))["id"].to_list()
    return sorted([*kept, *pl.read_delta(str(out / "table_quarantine"))["id"].to_list()])


def is_at_work(out: Path) -> bool:
    return any((out / "table/_genspark/runs").glob("*.json"))


@pytest.mark.slow
def test_a_night_that_is_killed_is_continued(schedulers: Path, tmp_path: Path) -> None:
    env = variables(tmp_path)
    killed(command(schedulers, "Run", tmp_path), env, lambda: is_at_work(tmp_path), tmp_path / "log")
    assert is_at_work(tmp_path)
    assert not deltalake.DeltaTable.is_deltatable(str(tmp_path / "table"))
    said = done(command(schedulers, "Run", tmp_path), env)
    # What was done before the kill stays as it is.
    assert "1 complete ones were encountered" in said
    assert "1 ran successfully" in said
    assert len(ids(tmp_path)) == len(set(ids(tmp_path))) == NIGHT
    assert not is_at_work(tmp_path)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_nights_that_follow_and_a_model_that_is_not_let_through(schedulers: Path, tmp_path: Path) -> None:
    env = variables(tmp_path)
    done(command(schedulers, "Gate", tmp_path), env)
    score = json.loads((tmp_path / f"tasks/{DAY}/gate.json").read_text())
    assert -0.1 < score < 0.1
    (row,) = pl.read_delta(str(tmp_path / "scores")).iter_rows(named=True)
    assert row["value"] == score
    assert "Did not run any tasks" in done(command(schedulers, "Gate", tmp_path), env)
    refused = [*command(schedulers, "Gate", tmp_path, "2026-11-27"), "--most", "-1"]
    ended = subprocess.run(refused, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 30
    assert "the model is not let through" in ended.stderr
    assert len(ids(tmp_path)) == len(set(ids(tmp_path))) == NIGHT + 256
    # A shard that breaks the rules gets no further.
    bad = pl.read_csv(tmp_path / f"landing/{DAY}.csv.gz").with_columns(pixel_20=pl.lit(99))
    bad.write_csv(tmp_path / "incoming/2026-11-28.csv.gz", compression="gzip")
    ended = subprocess.run(
        command(schedulers, "Run", tmp_path, "2026-11-28"), env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 30
    assert "pixel_20" in ended.stderr
    assert len(ids(tmp_path)) == NIGHT + 256
    assert len(list((tmp_path / "landing").iterdir())) == 2


@pytest.mark.slow
@pytest.mark.exhaustive
def test_of_two_at_once_one_does_it(schedulers: Path, tmp_path: Path) -> None:
    env = variables(tmp_path)
    done(command(schedulers, "Validate", tmp_path), env)
    two = [subprocess.Popen(command(schedulers, "Run", tmp_path), env=env, stderr=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=100)[1].decode() for process in two]
    assert [process.returncode for process in two] == [0, 0], said
    assert len(ids(tmp_path)) == len(set(ids(tmp_path))) == NIGHT
    written = pl.read_delta(str(tmp_path / "table_runs")).filter(outcome="written")
    assert written.height == 1


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_table_that_moved_is_made_again_whole(schedulers: Path, tmp_path: Path) -> None:
    """Between two nights somebody moves the table away: nothing of it is lost, and the next night has every row."""
    env = variables(tmp_path)
    done(command(schedulers, "Run", tmp_path), env)
    (tmp_path / "table").rename(tmp_path / "moved")
    done(command(schedulers, "Run", tmp_path, "2026-11-27"), env)
    assert pl.read_delta(str(tmp_path / "table")).height > pl.read_delta(str(tmp_path / "moved")).height
    kept = pl.read_delta(str(tmp_path / "table"))["id"]
    assert kept.n_unique() == kept.len()
    assert {day for day, *_ in (one.rpartition("-") for one in kept)} == {DAY, "2026-11-27"}
