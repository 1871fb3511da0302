"""Small tables to read, written by deltalake, or by hand where it writes no such thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import WriterProperties, write_deltalake

ROWS = 1003
"""Not a multiple of any batch size here."""


def rows(count: int = ROWS) -> pa.Table:
    ids = np.arange(count)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(count * 4, dtype=np.float32)), 4)
    return pa.table(
        {
            "id": ids,
            "_row_id": ids * 7919 - 4000,
            "x": ids / 2,
            "vector": vectors.cast(pa.list_(pa.float32())),
            "name": [f"row {number}" for number in ids],
            "split": np.where(ids % 4 == 0, "test", "train"),
        }
    )


def write(path: Path, table: pa.Table, group: int = 20, **options: Any) -> str:
    """A table whose row groups have so many rows."""
    properties = WriterProperties(max_row_group_size=group, write_batch_size=group)
    write_deltalake(path, table, writer_properties=properties, **options)
    return str(path)


class LogByHand:
    """A table of one commit, with whatever protocol, columns and files are to be in its log."""

    def __init__(self, path: Path, features: list[str] | None = None, **properties: str) -> None:
        self.path = path
        (path / "_delta_log").mkdir(parents=True)
        self._fields: list[dict[str, Any]] = []
        self._files: list[dict[str, Any]] = []
        self._properties = properties
        versions = (
            {"minReaderVersion": 3, "minWriterVersion": 7}
            if features
            else {"minReaderVersion": 2, "minWriterVersion": 5}
        )
        named = {"readerFeatures": features, "writerFeatures": features} if features else {}
        self._protocol = {**versions, **named}

    def column(self, name: str, dtype: str, **metadata: Any) -> LogByHand:
        told = {key.replace("__", "."): value for key, value in metadata.items()}
        self._fields.append({"name": name, "type": dtype, "nullable": True, "metadata": told})
        return self

    def file(self, table: pa.Table, partition: dict[str, str] | None = None, **more: Any) -> LogByHand:
        name = f"part-{len(self._files)}.parquet"
        pq.write_table(table, self.path / name)
        size = (self.path / name).stat().st_size
        told = {
            "path": name,
            "size": size,
            "partitionValues": partition or {},
            "modificationTime": 1,
            "dataChange": True,
        }
        self._files.append({**told, **more})
        return self

    def commit(self, partition_by: tuple[str, ...] = ()) -> str:
        metadata = {
            "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": self._fields}),
            "partitionColumns": list(partition_by),
            "configuration": self._properties,
            "createdTime": 1,
        }
        actions = [{"protocol": self._protocol}, {"metaData": metadata}, *({"add": file} for file in self._files)]
        log = self.path / "_delta_log" / f"{0:020}.json"
        log.write_text("\n".join(json.dumps(action) for action in actions))
        return str(self.path)
