"""Which run's rows a table has, by its history."""

from __future__ import annotations

import datetime as dt
from typing import Any

import deltalake
import polars as pl
import pytest

from genspark.config import Sink
from genspark.sinks.files.writer import write_files
from genspark.sinks.formats.delta import DeltaRs
from genspark.sinks.history import Entry, changed_since, past_run
from genspark.sinks.sink import Files

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def history(*commits: str) -> list[Entry]:
    """The entries of commits, each `run`, `run key`, `= OPERATION` or `to VERSION`, newest first."""
    entries: list[dict[str, Any]] = []
    for version, text in enumerate(commits):
        head, _, tail = text.partition(" ")
        entry: dict[str, Any] = {"version": version, "timestamp": START + dt.timedelta(hours=version)}
        if head == "to":
            where = {"version": int(tail)} if tail.isdigit() else {"version": None, "timestamp": tail}
            entry |= {"operation": "RESTORE", "operationParameters": where}
        elif head == "=":
            entry |= {"operation": tail, "userMetadata": '{"run_id": "x", "key": "k"}'}
        else:
            entry |= {"operation": "WRITE", "userMetadata": f'{{"run_id": "{head}", "key": "{tail}"}}'}
        entries.append(entry)
    return [Entry.of(entry) for entry in reversed(entries)]


@pytest.mark.parametrize(
    ("commits", "found"),
    [
        (["a", "b"], None),
        (["a", "b k"], (1, True)),
        (["a", "b k", "c"], (1, False)),
        # Maintenance changes no row, and is no run though it bears its name.
        (["a", "b k", "= OPTIMIZE", "= VACUUM END"], (1, True)),
        (["a", "= SET TBLPROPERTIES"], None),
        # Undone, undone and made again, and only what came after it undone.
        (["a", "b k", "to 0"], None),
        (["a", "b k", "to 0", "c k"], (3, True)),
        (["a", "b k", "c", "to 1"], (1, True)),
        (["a", "b k", "to 0", "to 1"], (1, True)),
        (["a", "b k", "c", "to 2026-01-01T00:30:00"], None),
        (["a", "b k", "c", "to 2026-01-01T01:30:00+00:00"], (1, True)),
    ],
)
def test_a_run_counts_while_its_rows_are_there(commits: list[str], found: tuple[int, bool] | None) -> None:
    past = past_run(history(*commits), "k")
    assert (past and (past.version, past.is_latest)) == found


@pytest.mark.parametrize(
    ("commits", "since", "changed"),
    [
        (["a", "b", "c"], 1, [2]),
        (["a", "b", "= OPTIMIZE"], 1, []),
        (["a", "b", "to 0"], 0, []),
        (["a", "b", "to 0"], 1, [2]),
        (["a", "b", "c", "to 1"], 0, [1]),
        (["a", "b"], None, [1, 0]),
    ],
)
def test_what_changed_since_a_version(commits: list[str], since: int | None, changed: list[int]) -> None:
    assert [entry.version for entry in changed_since(history(*commits), since)] == changed


def test_a_run_whose_log_is_deleted_is_known_by_the_checkpoint(tmp_path: Any) -> None:
    path, sink, frame = str(tmp_path / "table"), DeltaRs(), pl.DataFrame({"v": [1]})
    for version in range(3):
        table, run = sink.find(path), f"r{version}"
        section = Sink(path=path, mode="append", properties={"delta.checkpointInterval": "2"})
        files = write_files(frame.lazy(), path, sink.layout(table, section, run))
        sink.commit(table, section, Files(files, frame.schema), {"run_id": run, "key": run}, {})
    for version in range(2):
        (tmp_path / f"table/_delta_log/{version:020}.json").unlink()
    assert deltalake.DeltaTable(path).version() == 2
    past = [sink.committed(sink.find(path), key) for key in ("r0", "r2", "other")]
    assert [one and (one.version, one.is_latest, one.metadata.get("run_id")) for one in past] == [
        (1, False, None),
        (2, True, "r2"),
        None,
    ]
