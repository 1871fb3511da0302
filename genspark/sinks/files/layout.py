"""How a table's rows are laid out in files, and what of it the table's properties say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import ORDER
from genspark.sinks.files.compression import DEFAULT, Compression
from genspark.sinks.section import Section

PROPERTY = "genspark.layout"
"""The table property with the layout, as JSON."""
FILE_BYTES, GROUP_BYTES = 256 << 20, 32 << 20
MEMORY, MEMORY_OF_TASKS = 1 << 30, 512 << 20
"""Bytes of rows that a writing process, and one of Spark's tasks, holds before it puts some on disk."""


@dataclass(frozen=True)
class Layout:
    """How rows are laid out: partition columns, the size of files and of row groups, and the order of rows.

    Rows are ordered by their column `ORDER`, if they have one, within each file; with `is_global` also from file to
    file of a partition, whose names sort in that order. `files_per_partition` and `rows_per_file` bound a file
    beside `file_bytes`; None: they do not. Columns of `statistics` get them in the files and in the log; None: the
    first column. `run_id` is part of every file's name, so that what a run leaves behind can be found; names end with
    the codec of `compression`, and with `draft`. More values of the partition columns than `most_partitions` are
    refused. `memory`: the bytes of rows held before some are put on disk. `keeps_order`: files keep the column `ORDER`,
    because they are merged yet; `seed` is that of the order.
    """

    partition_by: tuple[str, ...]
    run_id: str
    files_per_partition: int | None = None
    rows_per_file: int | None = None
    file_bytes: int = FILE_BYTES
    group_bytes: int = GROUP_BYTES
    is_global: bool = False
    statistics: tuple[str, ...] | None = None
    most_partitions: int = 1000
    compression: Compression = DEFAULT
    draft: str = ""
    memory: int = MEMORY
    keeps_order: bool = False
    seed: int = 0

    @property
    def suffix(self) -> str:
        """What the names of files end with."""
        return self.compression.suffix + self.draft

    def indexed(self, schema: Iterable[str]) -> list[str]:
        """The columns of a file that get statistics."""
        here = [name for name in schema if name not in self.partition_by and name != ORDER]
        return here[:1] if self.statistics is None else [name for name in here if name in self.statistics]


def log_bounds(section: Section, partition_by: Sequence[str], columns: Schema) -> dict[str, str]:
    """The property by which Delta's writers keep bounds of the section's statistics in the log, and of no more.

    Of some types there are none, and a name that is no plain word is left to the default: few read it alike.
    """
    kinds = (nw.String, nw.Date, nw.Datetime, nw.Decimal)
    named = [name for name in section.statistics if name in columns and name not in partition_by]
    have = [name for name in named if columns[name].is_numeric() or isinstance(columns[name], kinds)]
    plain = [name for name in have if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)]
    return {"delta.dataSkippingStatsColumns": ",".join(plain)} if plain else {}


def layout_property(section: Section, partition_by: Sequence[str], key: Sequence[str]) -> dict[str, str]:
    """The table property that tells readers, `genspark inspect` and `genspark maintain` of the layout.

    `key` are the columns whose hash orders the rows; none: they are in no order.
    """
    layout = {
        "version": 1,
        "order": "hash" if key else "none",
        "seed": section.seed,
        "key": list(key),
        "shuffle": section.shuffle,
        "target_file_size": section.target_file_size,
        "target_row_group_size": section.target_row_group_size,
        "files_per_partition": section.files_per_partition,
        "max_records_per_file": section.max_records_per_file,
        "compression": section.compression,
        "compression_level": section.compression_level,
        "float": section.float_,
        "statistics": list(section.statistics),
        "partition_by": list(partition_by),
        "lineage": section.lineage,
    }
    return {PROPERTY: json.dumps(layout)}


def layout_of(properties: Mapping[str, str]) -> dict[str, Any] | None:
    """The layout that a table's properties tell; None where another writer made it, or none can be read."""
    try:
        told = json.loads(properties.get(PROPERTY, "null"))
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
