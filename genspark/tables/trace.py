"""A row of a table followed back: to its file, the run and the version that added it, its source and its model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genspark.columns.hashing import ROW_ID, KeyHash
from genspark.columns.names import FILE_COLUMN, ID_COLUMN
from genspark.engines.polars.engine import PolarsEngine
from genspark.errors import SourceError
from genspark.storage.files import storage_path
from genspark.storage.stores import open_file
from genspark.tables.footers import AT_ONCE
from genspark.tables.rejected import REASONS, rows_of
from genspark.tables.snapshot import DataFile, Snapshot, layout_of, open_delta, read_snapshot

_RUN = re.compile(r"-([0-9a-f]{32})-")


@dataclass(frozen=True)
class Traced:
    """A row with this id: its values, where it lies, and the commit of the run that wrote its file.

    `run` is what that run told of itself, empty where the file's name tells none (as of Spark's own writer) or the log
    has forgotten it; `version` is None then.
    """

    row: Mapping[str, Any]
    file: str
    source: str | None
    version: int | None
    run: Mapping[str, Any]

    @property
    def is_compacted(self) -> bool:
        """Whether a compaction wrote the file, so that the run which added the row cannot be told."""
        return "maintenance" in self.run


def trace(path: str, row_id: int) -> list[Traced]:
    """The rows of a table with an id; none where there is no such row.

    Only the ids are read, file by file, and then the row groups that have it. Raises SourceError where the table has no
    ids.
    """
    snapshot = read_snapshot(path)
    if ID_COLUMN not in snapshot.columns:
        raise SourceError(f"{path}: the table has no column {ID_COLUMN}; sink.lineage was false when it was written")
    runs = _runs(snapshot)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [row for some in pool.map(lambda file: _rows(file, row_id), snapshot.files) for row in some]
    return [_traced(row, file, runs) for row, file in found]


def set_aside(path: str, quarantine: str, row_id: int) -> list[dict[str, Any]]:
    """The rows of a quarantine whose key has an id, with their reasons; none where the key's columns are not there."""
    layout = layout_of(read_snapshot(path).properties) or {}
    key = list(layout.get("key", ()))
    if open_delta(storage_path(quarantine)) is None or not key:
        return []
    rows = rows_of(quarantine)
    if not set(key) <= set(rows.collect_schema().names()):
        return []
    hashed: pl.LazyFrame = nw.to_native(PolarsEngine().with_draws(nw.from_native(rows), key, [KeyHash(tuple(key))]))
    return hashed.filter(pl.col(ROW_ID) == row_id).drop(ROW_ID).collect().rows(named=True)


def reasons_text(row: Mapping[str, Any]) -> list[str]:
    """Why a quarantined row was set aside, a line for each rule."""
    return [
        f"{why['step']}: {why['column'] or 'the row'} {why['rule']}, value {why['value']}, bound {why['threshold']}"
        for why in row[REASONS]
    ]


def _rows(file: DataFile, row_id: int) -> list[tuple[dict[str, Any], DataFile]]:
    found = []
    with open_file(file.path) as stream:
        table = pq.ParquetFile(stream)
        for number in range(table.num_row_groups):
            ids = table.read_row_group(number, columns=[ID_COLUMN]).column(0)
            if not pc.any(pc.equal(ids, row_id)).as_py():
                continue
            rows = pl.DataFrame(pl.from_arrow(table.read_row_group(number)))
            found += [(row, file) for row in rows.filter(pl.col(ID_COLUMN) == row_id).rows(named=True)]
    return found


def _traced(row: dict[str, Any], file: DataFile, runs: Mapping[str, tuple[int, Mapping[str, Any]]]) -> Traced:
    named = _RUN.search(file.name)
    version, run = runs.get(named[1], (None, {})) if named else (None, {})
    return Traced({**row, **dict(file.partition)}, file.name, row.get(FILE_COLUMN), version, run)


def _runs(snapshot: Snapshot) -> dict[str, tuple[int, Mapping[str, Any]]]:
    """The runs of a table's log by their ids, each with the version of its last commit."""
    table = open_delta(snapshot.path)
    runs: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for commit in table.history() if table is not None else ():
        told = json.loads(commit.get("userMetadata") or "{}")
        if "run_id" in told:
            runs.setdefault(told["run_id"], (commit["version"], told))
    return runs
