"""One Delta commit that adds the Parquet files a peer has written: the same for every peer without Spark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import Schema
from deltalake.transaction import AddAction, create_table_with_add_actions

DELTALAKE = deltalake.__version__


def commit_parquet(folder: str, columns: Sequence[str]) -> None:
    """Make a table of the files in `folder`, which lie in folders named `group=a` and hold no such column."""
    table = Path(folder)
    actions = [_action(table, file) for file in sorted(table.rglob("*.parquet"))]
    create_table_with_add_actions(folder, Schema.from_arrow(_schema(table, columns)), actions, partition_by=["group"])


def schema(columns: Sequence[str]) -> pa.Schema:
    """The table's schema in Arrow's terms."""
    return pa.schema({"id": pa.int64(), "group": pa.string(), **dict.fromkeys(columns, pa.float64())})


def _schema(table: Path, columns: Sequence[str]) -> pa.Schema:
    """The job's columns, and after them whatever else the files hold: a caption, a time."""
    known = schema(columns)
    written = pq.read_schema(next(iter(sorted(table.rglob("*.parquet")))))
    for column in written:
        if column.name not in known.names:
            kind = pa.string() if pa.types.is_large_string(column.type) else column.type
            known = known.append(pa.field(column.name, kind))
    return known


def _action(table: Path, file: Path) -> AddAction:
    name, value = file.parent.name.split("=")
    status = file.stat()
    return AddAction(
        path=file.relative_to(table).as_posix(),
        size=status.st_size,
        partition_values={name: value},
        modification_time=int(status.st_mtime * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": pq.read_metadata(file).num_rows}),
    )
