"""What inspect sees of a table, and what it finds off: each case is a table with one thing wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest
from small_table import SmallTable, rows

from genspark.cli import main
from genspark.errors import SourceError
from genspark.sinks.files.order import FileOrder, overlapping
from genspark.tables.facts import facts
from genspark.tables.findings import findings
from genspark.tables.inspection import inspect

KEPT = {"delta.deletedFileRetentionDuration": "interval 30 days"}


def found(path: Path) -> set[str]:
    return {finding.kind for finding in findings(inspect(str(path)))}


def test_a_table_as_it_should_be(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {}, **KEPT)
    table.add(rows(range(1500)), "mon")
    table.add(rows(range(2000, 2010)), "tue")
    told = facts(inspect(str(tmp_path)))
    assert (told["off"], told["advice"]) == ([], [])
    assert (told["rows"], told["partitions"]["count"], told["files"]["count"]) == (1510, 2, 2)
    assert told["row_groups"]["rows"] == {"count": 2, "smallest": 10, "median": 755, "largest": 1500, "total": 1510}
    assert told["row_groups"]["with_statistics"] == told["row_groups"]["with_dictionary"] == ["id"]
    assert told["order"] == {
        "told": "hash",
        "told_global": False,
        "files_looked_at": 2,
        "files_in_order": 2,
        "is_global": True,
    }
    assert told["protocol"]["reader"] == 1
    assert told["layout"]["seed"] == 7
    assert told["columns"]["image"] == "binary"


@pytest.mark.parametrize(
    ("kind", "ids", "options"),
    [
        ("rows out of order", range(1500), {"ordered": False}),
        ("row groups", range(1500), {"row_group_size": 300}),
        ("row groups", range(5000), {"row_group_size": 5000}),
        ("dictionary on bytes", range(1500), {"use_dictionary": ["id", "image"]}),
        ("bytes before other columns", range(1500), {"columns": ["image", "id", "_row_id"]}),
        ("no compression", range(1500), {"compression": "none"}),
        ("statistics", range(1500), {"write_statistics": True}),
    ],
)
def test_a_file_that_is_off(tmp_path: Path, kind: str, ids: range, options: dict[str, Any]) -> None:
    made = rows(ids, ordered=options.pop("ordered", True))
    made = made.select(options.pop("columns", made.column_names))
    SmallTable(tmp_path, {"target_file_size": 1_000_000}, **KEPT).add(made, **options)
    assert found(tmp_path) == {kind}


def test_row_groups_of_numbers_are_judged_by_their_bytes(tmp_path: Path) -> None:
    numbers = rows(range(20_000)).select(["id", "_row_id"])
    SmallTable(tmp_path, {"target_file_size": 10**6, "target_row_group_size": 320_000}, **KEPT).add(numbers)
    assert found(tmp_path) == set()
    deltalake.DeltaTable(tmp_path).alter.set_table_properties(
        {"genspark.layout": json.dumps({"target_row_group_size": 10_000})}, raise_if_not_exists=False
    )
    assert found(tmp_path) == {"row groups"}


def test_files_are_as_small_and_large_as_was_asked_for(tmp_path: Path) -> None:
    def table(name: str, **layout: int) -> Path:
        made = SmallTable(tmp_path / name, layout, **KEPT)
        for start in range(3):
            made.add(rows(range(start, 1500, 3)), "mon")
        made.add(rows(range(10_000)), "tue")
        return tmp_path / name

    assert found(table("plain")) == {"small files", "large files"}
    assert found(table("files", files_per_partition=3)) == set()
    assert found(table("more", files_per_partition=2)) == {"small files"}
    assert found(table("rows", max_records_per_file=700)) == {"large files"}
    assert found(table("fewer", max_records_per_file=1100)) == {"small files", "large files"}


def test_small_files_where_a_partition_has_several_and_large_ones(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {}, **KEPT)
    for start in range(3):
        table.add(rows(range(start, 1500, 3)), "mon")
    table.add(rows(range(10)), "tue")
    told = facts(inspect(str(tmp_path)))
    # A partition of one small file is as it should be.
    assert told["files"]["small"] == 3
    assert [(one["kind"], one["remedy"]) for one in told["off"]] == [
        ("small files", f"genspark maintain {tmp_path} --compact")
    ]
    table.add(rows(range(10_000)), "wed")
    assert found(tmp_path) == {"small files", "large files"}


def test_a_global_order_that_is_none(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {"shuffle": "global", "target_file_size": 40_000}, **KEPT)
    table.add(rows(range(0, 1500, 2)))
    table.add(rows(range(1, 1500, 2)))
    assert found(tmp_path) == {"no global order"}


def test_ranges_that_meet() -> None:
    def of(**ranges: tuple[int, int]) -> dict[str, FileOrder]:
        return {name: FileOrder(True, first, last) for name, (first, last) in ranges.items()}

    assert overlapping(of(a=(5, 9), b=(0, 4))) == []
    assert overlapping(of(a=(0, 9), b=(1, 2), c=(3, 4), d=(10, 11))) == ["a", "b", "c"]


def test_a_table_of_others_is_judged_by_general_rules(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path, pa.table({"x": [1, 2], "b": [b"1", b"2"]}))
    told = facts(inspect(str(tmp_path)))
    assert told["layout"] is None
    assert [one["kind"] for one in told["off"]] == ["dictionary on bytes"]
    assert [one["kind"] for one in told["advice"]] == ["statistics", "retention"]


def test_a_protocol_that_keeps_readers_out(tmp_path: Path) -> None:
    SmallTable(tmp_path, {}, **KEPT).add(rows(range(1500)))
    table = deltalake.DeltaTable(tmp_path)
    table.alter.add_feature(deltalake.TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)
    assert found(tmp_path) == {"protocol"}
    assert facts(inspect(str(tmp_path)))["protocol"]["reader_features"] == ("deletionVectors",)


def test_a_file_that_is_gone_and_files_that_nobody_needs(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {}, **KEPT)
    gone = table.add(rows(range(1500)), "tue")
    orphan = tmp_path / "day=mon" / "part-of-a-dead-run.parquet"
    orphan.parent.mkdir()
    orphan.write_bytes(b"")
    assert facts(inspect(str(tmp_path)))["leftovers"]["orphaned"]["count"] == 1
    assert found(tmp_path) == set()
    os.utime(orphan, (1_600_000_000, 1_600_000_000))
    gone.unlink()
    assert found(tmp_path) == {"unreadable", "orphaned files"}


def test_files_of_older_versions_are_no_orphans_also_behind_a_checkpoint(tmp_path: Path) -> None:
    for number in range(3):
        deltalake.write_deltalake(tmp_path, pa.table({"x": [number]}), mode="overwrite")
        deltalake.DeltaTable(tmp_path).create_checkpoint()
    for name in ("0", "1"):
        (tmp_path / f"_delta_log/{name:0>20}.json").unlink()
    left = facts(inspect(str(tmp_path)))["leftovers"]
    assert (left["removed"]["count"], left["orphaned"]["count"]) == (2, 0)


def test_only_some_files_are_looked_at_unless_all_are_asked_for(tmp_path: Path) -> None:
    table = SmallTable(tmp_path, {})
    for number in range(5):
        table.add(rows(range(number, number + 1)), f"d{number}")
    seen = inspect(str(tmp_path), footers=3, orders=2)
    assert (len(seen.footers), len(seen.orders)) == (3, 2)
    told: list[tuple[int, int]] = []
    inspect(str(tmp_path), footers=None, orders=0, tell=lambda done, known: told.append((done, known)))
    assert told == [(n, 5) for n in range(1, 6)]


def test_the_command_prints_it_and_no_table_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = SmallTable(tmp_path / "t", {})
    table.add(rows(range(100), ordered=False))
    assert main(["inspect", str(tmp_path / "t"), "-q"]) == 0
    said = capsys.readouterr().out
    assert "0 of 1 file looked at are in hash order" in said
    assert f"-> genspark maintain {tmp_path / 't'} --compact" in said
    assert main(["inspect", str(tmp_path / "t"), "-q", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 100
    with pytest.raises(SourceError, match="there is no Delta table"):
        inspect(str(tmp_path / "other"))
