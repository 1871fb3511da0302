"""Small tables in the layout of genspark, made by PyArrow and deltalake alone, with whatever is to be off."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from deltalake.transaction import AddAction, create_table_with_add_actions

LAYOUT = {
    "version": 1,
    "order": "hash",
    "seed": 7,
    "key": ["id"],
    "shuffle": "none",
    "target_file_size": 100_000,
    "target_row_group_size": 50_000,
    "float": 64,
    "statistics": ["id"],
    "partition_by": ["day"],
    "lineage": True,
}


def place(row_id: int, seed: int = 7) -> int:
    """Where a row stands: xxhash64(seed, "order", id) of Spark, by the xxhash package."""
    start = xxhash.xxh64_intdigest(b"order", xxhash.xxh64_intdigest(seed.to_bytes(8, "little"), 42))
    unsigned = xxhash.xxh64_intdigest(row_id.to_bytes(8, "little", signed=True), start)
    return unsigned - (unsigned >> 63 << 64)


def rows(ids: Sequence[int], *, ordered: bool = True) -> pa.Table:
    """Rows of 8 bytes of id, 8 of its hash, and 700 of an image."""
    row_ids = {number: xxhash.xxh64_intdigest(number.to_bytes(8, "little")) - (1 << 63) for number in ids}
    listed = sorted(ids, key=lambda number: place(row_ids[number])) if ordered else list(ids)
    return pa.table(
        {
            "id": listed,
            "_row_id": [row_ids[number] for number in listed],
            "image": pa.array([f"{number:0700}".encode() for number in listed], pa.binary()),
        }
    )


class SmallTable:
    """A table partitioned by `day`, to which files are added one by one."""

    def __init__(self, path: Path, layout: dict[str, Any] | None = None, **properties: str) -> None:
        self.path = path
        self._properties = {**({"genspark.layout": json.dumps({**LAYOUT, **layout})} if layout is not None else {})}
        self._properties |= properties
        self._files = 0

    def add(self, table: pa.Table, day: str = "mon", **options: Any) -> Path:
        """Write a file as asked for and commit it."""
        name = f"day={day}/part-{self._files:05d}.parquet"
        self._files += 1
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        chosen = {"use_dictionary": ["id"], "write_statistics": ["id"], "row_group_size": 4000, **options}
        pq.write_table(table, file, **chosen)
        stats = json.dumps({"numRecords": table.num_rows})
        add = AddAction(name, file.stat().st_size, {"day": day}, 1_700_000_000_000, data_change=True, stats=stats)
        schema = deltalake.Schema.from_arrow(pa.schema([*table.schema, ("day", pa.string())]))
        if deltalake.DeltaTable.is_deltatable(str(self.path)):
            deltalake.DeltaTable(self.path).create_write_transaction([add], "append", schema, ["day"])
            return file
        own = {name: value for name, value in self._properties.items() if name.startswith("delta.")}
        create_table_with_add_actions(
            str(self.path), schema, [add], mode="error", partition_by=["day"], configuration=own
        )
        others = {name: value for name, value in self._properties.items() if name not in own}
        if others:
            deltalake.DeltaTable(self.path).alter.set_table_properties(others, raise_if_not_exists=False)
        return file
