"""Two writers of one Delta table: appends are tried again, overwrites stop, the same run is committed once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pytest

from genspark.config import Sink
from genspark.errors import AlreadyCommittedError, SinkError
from genspark.sinks.files.writer import write_files
from genspark.sinks.formats.delta import DeltaRs
from genspark.sinks.sink import Files
from genspark.sinks.table import Commit, Table

BATCHES = 20


def commit(table: Table, run: str, frame: pl.DataFrame, key: str | None = None, **section: Any) -> Commit:
    """Write the rows and commit them to the table as it was found."""
    sink, spec = DeltaRs(), Sink(path=table.path, **section)
    files = write_files(frame.lazy(), sink.folder(table, run), sink.layout(table, spec, run))
    told = {"run_id": run, "job": "small", **({"key": key} if key else {})}
    return sink.commit(table, spec, Files(files, frame.schema), told, {"made.by": "steps"})


def append_batches(path: str, writer: int, start: Any) -> None:
    """Append rows, one a commit, from a process of its own."""
    start.wait(60)
    for batch in range(BATCHES):
        commit(DeltaRs().find(path), f"w{writer}b{batch}", ROWS.with_columns(v=writer * BATCHES + batch), mode="append")


ROWS = pl.DataFrame({"g": ["a"], "v": [0]}, schema={"g": pl.String, "v": pl.Int32})


@pytest.mark.slow
def test_of_two_processes_that_append_no_row_is_lost(tmp_path: Path) -> None:
    path, spawn = str(tmp_path / "table"), multiprocessing.get_context("spawn")
    start = spawn.Barrier(2)
    writers = [spawn.Process(target=append_batches, args=(path, writer, start)) for writer in range(2)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(300)
    assert [each.exitcode for each in writers] == [0, 0]
    table = deltalake.DeltaTable(path)
    assert [entry["version"] for entry in table.history()] == list(reversed(range(2 * BATCHES)))
    assert sorted(pl.read_delta(path)["v"]) == list(range(2 * BATCHES))
    assert sorted(log.name for log in (tmp_path / "table/_delta_log").glob("*.checkpoint.parquet")) == [
        f"{version:020}.checkpoint.parquet" for version in (10, 20, 30)
    ]


@pytest.fixture
def found(tmp_path: Path) -> Table:
    """A table of partitions a and b, as two writers find it."""
    commit(Table(str(tmp_path / "table")), "r0", ROWS, partition_by="g")
    commit(DeltaRs().find(str(tmp_path / "table")), "r1", ROWS.with_columns(g=pl.lit("b")), mode="append")
    return DeltaRs().find(str(tmp_path / "table"))


def test_an_append_is_tried_again_on_what_came_first(found: Table) -> None:
    commit(found, "r2", ROWS, mode="append", properties={"team": "trips"})
    done = commit(found, "r3", ROWS.with_columns(v=3), mode="append")
    assert (done.version, DeltaRs().find(found.path).properties["team"]) == (3, "trips")
    commit(found, "r4", ROWS.with_columns(w=1), mode="append", schema="evolve")
    with pytest.raises(SinkError, match="the rows have no column 'w'"):
        commit(found, "r5", ROWS, mode="append")
    commit(DeltaRs().find(found.path), "r6", ROWS, mode="overwrite")
    with pytest.raises(SinkError, match=r"is partitioned by \[\], and the rows were written by \['g'\]; run again"):
        commit(found, "r7", ROWS, mode="append")


def test_an_overwrite_stops_and_says_who_came_first(found: Table) -> None:
    commit(found, "r2", ROWS.with_columns(v=7), mode="append")
    told = r"version 2 \(WRITE\) by run r2 of job 'small' came first, and an overwrite would lose its rows; .* run it"
    with pytest.raises(SinkError, match=told):
        commit(found, "r3", ROWS, mode="overwrite", partition_by="g")
    part = {"mode": "overwrite", "partition_by": "g", "partitions": {"g": ["a"]}}
    with pytest.raises(SinkError, match="version 2"):
        commit(found, "r4", ROWS, **part)
    for run in ("r3", "r4"):
        DeltaRs().put_back(found, run)
    assert sorted(pl.read_delta(found.path)["v"]) == [0, 0, 7]
    assert not [file for run in ("r3", "r4") for file in Path(found.path).rglob(f"*-{run}-*")]
    # Of the other partition nothing was changed.
    part["partitions"] = {"g": ["b"]}
    commit(found, "r5", ROWS.with_columns(g=pl.lit("b"), v=5), **part)
    assert sorted(pl.read_delta(found.path)["v"]) == [0, 5, 7]


def test_maintenance_and_what_was_undone_stop_no_overwrite(found: Table) -> None:
    commit(found, "r2", ROWS, mode="append")
    DeltaRs().put_back(found, "r2")
    table = deltalake.DeltaTable(found.path)
    table.alter.set_table_properties({"team": "trips"}, raise_if_not_exists=False)
    table.optimize.compact()
    done = commit(found, "r3", ROWS.with_columns(v=9), mode="overwrite")
    assert pl.read_delta(found.path)["v"].to_list() == [9]
    assert (done.rows, DeltaRs().find(found.path).properties["team"]) == (1, "trips")


def test_a_table_that_two_make_is_made_once(tmp_path: Path) -> None:
    absent = DeltaRs().find(str(tmp_path / "table"))
    commit(absent, "r1", ROWS, mode="append")
    assert commit(absent, "r2", ROWS, mode="append").version == 1
    for mode in ("overwrite", "error"):
        with pytest.raises(SinkError, match="version 1"):
            commit(absent, "r3", ROWS, mode=mode)


def test_a_run_that_another_process_committed_is_not_committed_again(found: Table) -> None:
    commit(found, "r2", ROWS, key="k", mode="append")
    for mode in ("append", "overwrite"):
        with pytest.raises(AlreadyCommittedError, match=r"version 2 \(WRITE\) by run r2 of job 'small'"):
            commit(found, "r3", ROWS, key="k", mode=mode)
    DeltaRs().put_back(found, "r2")
    assert commit(found, "r4", ROWS, key="k", mode="append").version == 4
