"""`genspark inspect TABLE` and `genspark maintain TABLE`: what is off is found, and mended without losing a row."""

from __future__ import annotations

import json
from pathlib import Path

import deltalake
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from genspark import JobConfig, job
from genspark.columns.hashing import orders
from genspark.errors import TargetError
from genspark.tables.durations import parse_duration
from genspark.tables.facts import facts
from genspark.tables.inspection import inspect
from genspark.tables.maintenance import Wanted, maintain


def write(folder: Path, start: int, mode: str = "append") -> str:
    """A run of 60 rows into a table of two partitions."""
    rows = pl.DataFrame({"id": range(start, start + 60), "g": ["x", "y"] * 30, "image": [b"abc"] * 60})
    rows.write_parquet(folder / f"{start}.parquet")
    out = str(folder / "out")
    job.run(
        JobConfig.from_text(
            f"name: job{start}\nengine: polars\nkey: id\nsource: {{path: {folder}/{start}.parquet, format: parquet}}\n"
            f"sink: {{path: {out}, mode: {mode}, partition_by: g}}\n"
        )
    )
    return out


def kinds(path: str) -> list[str]:
    return [finding["kind"] for finding in facts(inspect(path))["off"]]


def files(path: str) -> list[pl.DataFrame]:
    return [pl.DataFrame(pl.from_arrow(pq.ParquetFile(uri).read())) for uri in deltalake.DeltaTable(path).file_uris()]


def test_a_table_that_a_job_wrote_is_as_it_should_be(tmp_path: Path) -> None:
    told = facts(inspect(write(tmp_path, 0)))
    assert told["off"] == []
    assert told["layout"]["key"] == ["id"]
    assert (told["files"]["count"], told["protocol"]["reader"]) == (2, 1)


def test_small_files_are_compacted_in_order_and_no_row_is_lost(tmp_path: Path) -> None:
    for start in (0, 60, 120):
        path = write(tmp_path, start)
    assert kinds(path) == ["small files"]
    before = deltalake.DeltaTable(path).version()
    dry = maintain(path, Wanted(compact=True), dry_run=True)
    assert dry.compacted is not None
    assert (dry.compacted.files, deltalake.DeltaTable(path).version()) == (6, before)
    done = maintain(path, Wanted(compact=True))
    assert done.compacted is not None
    assert (done.compacted.files, done.compacted.added, done.compacted.version) == (6, 2, before + 1)
    tables = files(path)
    assert all((np.diff(orders(table["_row_id"].to_numpy(), 0)) > 0).all() for table in tables)
    assert pl.concat(tables).sort("id")["id"].to_list() == list(range(180))
    assert kinds(path) == []
    changes = [a for a in log(path, before + 1) if "add" in a or "remove" in a]
    assert {action[kind]["dataChange"] for action in changes for kind in action} == {False}


def log(path: str, version: int) -> list[dict[str, dict[str, object]]]:
    lines = Path(path, "_delta_log", f"{version:020}.json").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_retention_is_raised_and_not_lowered_without_force(tmp_path: Path) -> None:
    path = write(tmp_path, 0)
    done = maintain(path, Wanted(retain=parse_duration("60d")))
    assert done.retained == dict.fromkeys(
        ("delta.deletedFileRetentionDuration", "delta.logRetentionDuration"), "interval 60 days"
    )
    assert deltalake.DeltaTable(path).metadata().configuration["delta.logRetentionDuration"] == "interval 60 days"
    with pytest.raises(TargetError, match=r"--retain: .* 60 days, .*--force"):
        maintain(path, Wanted(retain=parse_duration("1d")))


def test_a_plain_parquet_folder_is_not_maintained(tmp_path: Path) -> None:
    pl.DataFrame({"n": [1]}).write_parquet(tmp_path / "a.parquet")
    text = (
        f"name: p\nsource: {{path: {tmp_path}/a.parquet, format: parquet}}\n"
        f"sink: {{path: {tmp_path}/out, format: parquet}}\n"
    )
    job.run(JobConfig.from_text(text))
    assert facts(inspect(str(tmp_path / "out")))["off"] == []
    with pytest.raises(TargetError, match="only Delta tables are maintained"):
        maintain(str(tmp_path / "out"), Wanted(compact=True))
