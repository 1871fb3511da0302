"""Rows of text are kept for the passes after the first, and nothing of them stays."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from genspark import JobConfig, job
from genspark.errors import DataError, SourceError
from genspark.sources import unpacking
from genspark.sources.codecs import open_unpacked
from genspark.sources.parsing import blocks

LINES = ["id,g,v", "1,x,1.0", "2,x,", "3,y,3.0", "4,y,2.0,too many", "5,x,2.0", "6,y,90.0"]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three gzip-compressed shards, in folders that tell a value; one of them has no row."""
    for day, lines in {"1": LINES, "2": [LINES[0], "7,z,1.5"], "3": LINES[:1]}.items():
        (tmp_path / f"in/day={day}").mkdir(parents=True)
        with gzip.open(tmp_path / f"in/day={day}/a.csv.gz", "wt") as stream:
            stream.write("\n".join(lines) + "\n")
    return tmp_path


def config(place: Path, stage: str, schema: str = "id long, g string, v double", steps: str = "") -> JobConfig:
    schema_key = f", schema: '{schema}'" if schema else ""
    return JobConfig.from_text(
        f"name: kept\nengine: polars\nkey: [id]\n"
        f"source: {{path: {place}/in, format: csv, stage: {stage}{schema_key}}}\n"
        "steps:\n- impute: {columns: v}\n- outliers: {columns: v, threshold: 2, action: quarantine}\n"
        f"- scale: {{columns: v}}\n{steps}"
        f"sink: {{path: {place}/table-{stage.rpartition('/')[2]}, mode: overwrite, partition_by: day}}\n"
    )


def test_the_rows_are_those_of_a_source_that_is_read_each_time(shards: Path) -> None:
    never, kept = job.run(config(shards, "never")), job.run(config(shards, "auto"))
    assert kept.passes == {**never.passes, "stage": 1}
    assert (kept.rows_read, kept.rows_quarantined) == (7, 2)
    # Not to the last digit: a sum is of other batches.
    assert_frame_equal(*(pl.read_delta(report.table).sort("id") for report in (kept, never)))
    aside = [pl.read_delta(str(report.quarantine)).drop("_run_id").sort("_corrupt_record") for report in (kept, never)]
    assert_frame_equal(*aside)
    assert aside[0]["_corrupt_record"].to_list() == [None, "4,y,2.0,too many"]


@pytest.mark.parametrize(
    ("stage", "schema", "times"),
    [("auto", "id long, g string, v double", 1), ("never", "id long, g string, v double", 3), ("auto", "", 1)],
)
def test_each_shard_is_unpacked_once(
    shards: Path, monkeypatch: pytest.MonkeyPatch, stage: str, schema: str, times: int
) -> None:
    opened: Counter[str] = Counter()

    def counted(path: str) -> Any:
        # An unpacked copy is another file.
        opened.update([path] if path.endswith(".gz") else [])
        return open_unpacked(path)

    for module in (blocks, unpacking):
        monkeypatch.setattr(module, "open_unpacked", counted)
    report = job.run(config(shards, stage, schema))
    assert (report.passes["fit"], report.passes["schema"]) == (2, int(not schema))
    # Where types are told, the header of each is looked at first, to see that they are alike.
    assert set(opened.values()) == {times + bool(schema)}
    opened.clear()
    job.transform(config(shards, stage, schema))
    assert set(opened.values()) == {1 + bool(schema)}


def test_lines_of_text_are_unpacked_once_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gzip.open(tmp_path / "a.txt.gz", "wt") as stream:
        stream.write("x\n\nx\n")
    opened: list[str] = []
    monkeypatch.setattr(blocks, "open_unpacked", lambda path: opened.append(path) or open_unpacked(path))
    report = job.run(
        JobConfig.from_text(
            f"name: lines\nengine: polars\nsource: {{path: {tmp_path}/a.txt.gz, format: text}}\n"
            f"steps:\n- encode: {{columns: value}}\nsink: {{path: {tmp_path}/table}}\n"
        )
    )
    assert (report.rows_written, report.passes["fit"], len(opened)) == (3, 1, 1)


CSV = {
    "a.csv": "n,late,text,day,w\n-0,,1,2020-01-01,1\n2,,2,2020-01-02,3000000000\n",
    "b.csv": "n,late,text,day,w\n3.5,,x,2020-1-3,4\n4,7,007,2020-01-04,5\nbad\n",
}
JSON = {
    "a.json": '{"n":1,"late":null,"text":"x","deep":{"p":[1]}}\n{"n":-0,"text":"y","deep":{"p":[]}}\n',
    "b.json": '{"n":2.5,"late":3,"text":4,"deep":{"p":[1.5],"q":"z"}}\n{"n":1\n{"n":12345678901234567890,"new":true}\n',
}


@pytest.mark.parametrize(("kind", "files"), [("csv", CSV), ("json", JSON)])
@pytest.mark.parametrize("block", [24, 1 << 20])
def test_types_that_widen_late_give_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, files: dict[str, str], block: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", block)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = []
    for stage in ("never", "auto"):
        sink = f"sink: {{path: {tmp_path}/table-{stage}, mode: overwrite}}"
        source = f"source: {{path: '{tmp_path}/*.{kind}', format: {kind}, stage: {stage}}}"
        report = job.run(JobConfig.from_text(f"name: late\nengine: polars\nkey: [n]\n{source}\n{sink}\n"))
        found.append([pl.read_delta(report.table), pl.read_delta(str(report.quarantine)).drop("_run_id")])
    assert_frame_equal(found[1][0], found[0][0], check_row_order=False)
    assert_frame_equal(found[1][1], found[0][1])
    assert found[0][0].height == 4


def test_nothing_is_left_behind(shards: Path) -> None:
    folder = shards / "kept"
    job.run(config(shards, str(folder)))
    assert list(folder.iterdir()) == []
    with pytest.raises(DataError):
        job.run(config(shards, str(folder), steps="- transform: {columns: v, function: log, invalid: error}\n"))
    assert list(folder.iterdir()) == []


def test_what_a_killed_run_kept_is_removed_by_the_next(shards: Path) -> None:
    folder = shards / "kept"
    program = (
        "import os, sys, signal\nfrom genspark import JobConfig, job\nfrom genspark.job.runners import polars\n"
        "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        "polars.FitWork.__call__ = die\njob.run(JobConfig.from_yaml(sys.argv[1]))"
    )
    (shards / "job.yaml").write_text(config(shards, str(folder)).to_yaml())
    ended = subprocess.run([sys.executable, "-c", program, str(shards / "job.yaml")], check=False, env={**os.environ})
    assert ended.returncode == -signal.SIGKILL
    assert list(folder.rglob("*.arrow"))
    job.run(config(shards, str(folder)))
    assert list(folder.iterdir()) == []


def test_a_disk_that_is_too_full_is_no_failure(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genspark.sources.keeping.free_bytes", lambda _: 0)
    folder = shards / "kept"
    report = job.run(config(shards, str(folder)))
    assert "stage" not in report.passes
    assert report.rows_read == 7
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made(shards: Path) -> None:
    (shards / "file").write_text("")
    with pytest.raises(SourceError, match=r"source\.stage: .*/file/kept cannot be written .*set never"):
        job.run(config(shards, f"{shards}/file/kept"))
