"""How a table's rows are laid out in files, and what of it the table's properties say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from genspark.columns.hashing import ORDER

PROPERTY = "genspark.layout"
"""The table property with the layout, as JSON."""
FILE_BYTES, GROUP_BYTES = 256 << 20, 32 << 20
MEMORY = 1 << 30
"""Bytes of rows that a writing process holds before it puts some on disk."""


@dataclass(frozen=True)
class Layout:
    """How rows are laid out: partition columns, the size of files and of row groups, and the order of rows.

    Rows are ordered by their column `ORDER`, if they have one, within each file; with `is_global` also from file to
    file of a partition, whose names sort in that order. `files_per_partition` and `rows_per_file` bound a file
    beside `file_bytes`; None: they do not. `float_bits` is 32 where doubles are stored as floats. Columns of
    `statistics` get them in the files and in the log; None: the first column. `run_id` is part of every file's
    name, so that what a run leaves behind can be found; names end with `suffix`. More values of the partition
    columns than `most_partitions` are refused. `memory`: the bytes of rows held before some are put on disk.
    """

    partition_by: tuple[str, ...]
    run_id: str
    files_per_partition: int | None = None
    rows_per_file: int | None = None
    file_bytes: int = FILE_BYTES
    group_bytes: int = GROUP_BYTES
    is_global: bool = False
    float_bits: int = 64
    statistics: tuple[str, ...] | None = None
    most_partitions: int = 1000
    suffix: str = ".snappy.parquet"
    memory: int = MEMORY

    def stored(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The rows as the table holds them: scalars first, bytes last, doubles as floats where that is asked for."""
        schema = frame.collect_schema()
        names = in_order({name: _kind(dtype) for name, dtype in schema.items()})
        casts = {name: narrowed(schema[name]) for name in names} if self.float_bits == 32 else {}
        return frame.select(
            pl.col(name) if casts.get(name, schema[name]) == schema[name] else pl.col(name).cast(casts[name])
            for name in names
        )

    def indexed(self, schema: Iterable[str]) -> list[str]:
        """The columns of a file that get statistics."""
        here = [name for name in schema if name not in self.partition_by and name != ORDER]
        return here[:1] if self.statistics is None else [name for name in here if name in self.statistics]

    def property(self, key: Sequence[str], seed: int, *, has_order: bool, has_lineage: bool) -> dict[str, str]:
        """The table property that tells readers, `genspark inspect` and `genspark maintain` of the layout."""
        layout = {
            "version": 1,
            "order": "hash" if has_order else "none",
            "seed": seed,
            "key": list(key),
            "shuffle": "global" if self.is_global else "none",
            "target_file_size": self.file_bytes,
            "target_row_group_size": self.group_bytes,
            "float": self.float_bits,
            "statistics": list(self.statistics or ()),
            "partition_by": list(self.partition_by),
            "lineage": has_lineage,
        }
        return {PROPERTY: json.dumps(layout)}


SCALAR, NESTED, BYTES = range(3)


def in_order(kinds: Mapping[str, int]) -> list[str]:
    """The columns in the order in which files hold them: readers of scalars then skip one stretch of each row group."""
    return sorted(kinds, key=lambda name: kinds[name])


def narrowed(dtype: pl.DataType) -> pl.DataType:
    """The type with every Float64 in it as Float32."""
    if dtype == pl.Float64:
        return pl.Float32()
    if isinstance(dtype, pl.List):
        return pl.List(narrowed(dtype.inner))  # type: ignore[arg-type]
    if isinstance(dtype, pl.Array):
        return pl.Array(narrowed(dtype.inner), dtype.shape[0])  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: narrowed(field.dtype) for field in dtype.fields})  # type: ignore[arg-type]
    return dtype


def _kind(dtype: pl.DataType) -> int:
    if holds_bytes(dtype):
        return BYTES
    return NESTED if dtype.is_nested() else SCALAR


def holds_bytes(dtype: pl.DataType) -> bool:
    """Whether values are bytes, or hold some."""
    if isinstance(dtype, pl.List | pl.Array):
        return holds_bytes(dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return any(holds_bytes(field.dtype) for field in dtype.fields)  # type: ignore[arg-type]
    return dtype == pl.Binary
