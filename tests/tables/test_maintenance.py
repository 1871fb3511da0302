"""Maintenance: compaction keeps rows and their order, beside others who append; vacuum and retention."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_table import SmallTable, place, rows

from genspark.cli import main
from genspark.errors import SinkError, TargetError
from genspark.tables import compaction
from genspark.tables.durations import interval, parse_duration, retention
from genspark.tables.facts import facts
from genspark.tables.inspection import inspect
from genspark.tables.maintenance import Wanted, maintain

COMPACT = Wanted(compact=True)


def read(path: Path, version: int | None = None) -> pl.DataFrame:
    return pl.read_delta(str(path), version=version).sort("id")


def off(path: Path) -> list[str]:
    return [finding["kind"] for finding in facts(inspect(str(path), orders=None))["off"]]


def actions(path: Path, version: int) -> list[dict[str, Any]]:
    log = path / "_delta_log" / f"{version:020}.json"
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_small_and_unordered_files_become_files_in_order(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {"target_file_size": 60_000})
    for number in range(4):
        table.add(rows(range(number, 1200, 4), ordered=number != 2), "mon")
    table.add(rows(range(2000, 2010)), "to day")
    before, version = read(tmp_path), deltalake.DeltaTable(tmp_path).version()
    assert off(tmp_path) == ["small files", "rows out of order"]

    done = maintain(str(tmp_path), COMPACT)
    assert done.compacted
    assert (done.compacted.files, done.compacted.partitions, done.version) == (4, 1, version + 1)
    assert off(tmp_path) == []
    assert read(tmp_path).equals(before)
    assert read(tmp_path, version).equals(before)
    added = [action["add"] for action in actions(tmp_path, done.version) if "add" in action]
    removed = [action["remove"] for action in actions(tmp_path, done.version) if "remove" in action]
    assert (len(added), len(removed)) == (done.compacted.added, 4)
    assert not any(action["dataChange"] for action in added + removed)
    for add in added:
        ids = pq.read_table(tmp_path / add["path"])["_row_id"].to_pylist()
        assert ids == sorted(ids, key=place)
    assert deltalake.DeltaTable(tmp_path).history(1)[0]["operation"] == "OPTIMIZE"
    assert maintain(str(tmp_path), COMPACT).compacted is None


def test_one_small_file_joins_the_smallest_of_the_others(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {"target_file_size": 60_000})
    table.add(rows(range(1000)))
    table.add(rows(range(1000, 1800)))
    table.add(rows(range(2000, 2010)))
    done = maintain(str(tmp_path), COMPACT)
    assert done.compacted
    assert (done.compacted.files, done.compacted.added) == (2, 1)
    assert off(tmp_path) == []


def test_a_global_order_is_made_of_all_files_of_a_partition(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {"target_file_size": 30_000, "shuffle": "global"})
    table.add(rows(range(0, 3000, 2)), "mon")
    table.add(rows(range(1, 3000, 2)), "mon")
    table.add(rows(range(4000, 4010)), "tue")
    before = read(tmp_path)
    done = maintain(str(tmp_path), COMPACT)
    assert done.compacted
    assert done.compacted.files == 2
    assert facts(inspect(str(tmp_path), orders=None))["order"]["is_global"] is True
    assert read(tmp_path).equals(before)


def test_a_table_of_others_keeps_its_columns_and_the_order_of_its_rows(tmp_path: Path) -> None:
    made = pa.table(
        {
            "blob": pa.array([b"a", None, b"c"]),
            "n": pa.array([3, 1, 2], pa.int32()),
            "when": pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 3, pa.timestamp("us", "UTC")),
            "list": pa.array([[1.5], [], None], pa.list_(pa.float32())),
            "price": pa.array([None] * 3, pa.decimal128(9, 2)),
        }
    )
    for _ in range(2):
        deltalake.write_deltalake(tmp_path, made, mode="append")
    done = maintain(str(tmp_path), COMPACT)
    assert done.compacted
    assert (done.compacted.files, done.compacted.added) == (2, 1)
    assert deltalake.DeltaTable(tmp_path).to_pyarrow_dataset().to_table(use_threads=False).to_pylist() == [
        *made.to_pylist(),
        *made.to_pylist(),
    ]
    assert off(tmp_path) == []


@pytest.fixture
def two_small_files(tmp_path: Path) -> SmallTable:
    table = SmallTable(tmp_path, {})
    table.add(rows(range(100)))
    table.add(rows(range(100, 200)))
    return table


def during_the_write(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Let another writer act after the files are written and before they are committed."""
    real = compaction.put_rewritten

    def after(*arguments: Any, **more: Any) -> int:
        act()
        return real(*arguments, **more)

    monkeypatch.setattr(compaction, "put_rewritten", after)


def test_what_others_append_meanwhile_stays(
    two_small_files: SmallTable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    during_the_write(monkeypatch, lambda: two_small_files.add(rows(range(200, 300))))
    maintain(str(tmp_path), COMPACT)
    assert read(tmp_path)["id"].to_list() == list(range(300))


def test_it_stops_where_others_replaced_the_files_meanwhile(
    two_small_files: SmallTable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    during_the_write(monkeypatch, lambda: deltalake.DeltaTable(tmp_path).delete("id < 150"))
    with pytest.raises(SinkError, match="another writer replaced files that were being written anew"):
        maintain(str(tmp_path), COMPACT)
    assert read(tmp_path)["id"].to_list() == list(range(150, 200))
    left = facts(inspect(str(tmp_path)))["leftovers"]
    assert left["orphaned"]["count"] == 0


def test_hash_order_without_ids_cannot_be_kept(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {"lineage": False})
    for start in (0, 100):
        table.add(rows(range(start, start + 100)).drop_columns("_row_id"))
    with pytest.raises(SinkError, match=r"no column _row_id; write the table anew with sink.lineage: true"):
        maintain(str(tmp_path), COMPACT)


def test_a_vacuum_deletes_what_no_kept_version_needs_and_nothing_else(tmp_path: Path) -> None:
    for number in range(3):
        deltalake.write_deltalake(tmp_path, pa.table({"x": [number]}), mode="overwrite")
    model, note, dead, young = (tmp_path / n for n in ("_genspark/m.parquet", "README.md", "dead.parquet", "y.parquet"))
    model.parent.mkdir()
    for file in (model, note, dead, young):
        file.write_bytes(b"0123456789")
    for file in (model, note, dead):
        os.utime(file, (1_600_000_000, 1_600_000_000))
    everything = maintain(str(tmp_path))
    assert everything.retained == {"delta.deletedFileRetentionDuration": "interval 30 days"}
    assert everything.vacuumed
    assert (everything.vacuumed.files, everything.vacuumed.bytes, everything.vacuumed.readable_from) == (1, 10, None)
    assert (model.exists(), note.exists(), dead.exists(), young.exists()) == (True, True, False, True)
    assert pl.read_delta(str(tmp_path), version=0)["x"].to_list() == [0]

    none = Wanted(vacuum=True, retain=dt.timedelta())
    with pytest.raises(TargetError, match=r"keeps removed files for 30 days, .* add --force"):
        maintain(str(tmp_path), none)
    time.sleep(0.01)
    would = maintain(str(tmp_path), none, dry_run=True, force=True)
    assert would.vacuumed
    assert (would.vacuumed.files, would.vacuumed.readable_from) == (3, 2)
    done = maintain(str(tmp_path), none, force=True)
    assert done.vacuumed == would.vacuumed
    assert "versions before 2 cannot be read any more" in dict(done.lines())["vacuumed"]
    assert pl.read_delta(str(tmp_path))["x"].to_list() == [2]
    assert note.exists()


def test_a_dry_run_changes_nothing(two_small_files: SmallTable, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = maintain(str(tmp_path), dry_run=True)
    assert done.compacted
    assert (done.compacted.files, done.compacted.added) == (2, None)
    assert done.retained
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_does_all_of_it(
    two_small_files: SmallTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["maintain", str(tmp_path), "-q", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["compacted"]["files"], told["compacted"]["added"], told["left"]) == (2, 1, [])
    assert main(["maintain", str(tmp_path), "-q"]) == 0
    assert "nothing" in capsys.readouterr().out
    assert main(["maintain", str(tmp_path), "-q", "--retain", "soon"]) == 2
    assert "'soon' is no duration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "span", "written"),
    [
        ("30d", dt.timedelta(days=30), "interval 30 days"),
        ("2w", dt.timedelta(days=14), "interval 14 days"),
        ("36h", dt.timedelta(hours=36), "interval 36 hours"),
        ("90m", dt.timedelta(minutes=90), "interval 5400 seconds"),
    ],
)
def test_durations(text: str, span: dt.timedelta, written: str) -> None:
    assert (parse_duration(text), interval(span)) == (span, written)
    name = "delta.deletedFileRetentionDuration"
    assert retention({name: written}, name) == span
    assert retention({name: "interval 1 week 2 days"}, name) == dt.timedelta(days=9)
    assert retention({}, name) == dt.timedelta(days=7)


def test_places_are_those_of_the_writer() -> None:
    from genspark.columns.hashing import orders

    ids = np.array([-5, 0, 7, 2**62], dtype=np.int64)
    assert orders(ids, 7).tolist() == [place(int(number)) for number in ids]
