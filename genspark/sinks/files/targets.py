"""The layout that a table is held to: its own, as its properties tell it, or general rules for tables of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from genspark.sinks.files.compression import DEFAULT, Compression
from genspark.sinks.files.encoder import IMAGES_IN_A_GROUP
from genspark.sinks.files.layout import FILE_BYTES, GROUP_BYTES, layout_of

SMALL, LARGE = 0.5, 1.5
"""Shares of the target size between which a file's size should be."""
SMALL_GROUP, LARGE_GROUP = 0.125, 2.0
"""Shares of the target size between which a row group's size should be, or its rows should be many."""
FEW_ROWS = 1 << 18
BLOB_BYTES = 512
"""Bytes of a row's binary values from which a row group is judged by its rows: it holds images, or the like."""
MOST_PARTITIONS = 1000


class Sized(Protocol):
    """A file of a table."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def rows(self) -> int | None:
        """Its rows; None where the log does not tell."""


File = TypeVar("File", bound=Sized)


@dataclass(frozen=True)
class Targets:
    """What the files should be like. `is_told`: by the table's own property.

    `statistics` are the columns that may have some; None: no rule. `seed` is that of the hash order; None: rows have no
    order that could be checked. `files_per_partition` and `rows_per_file` are bounds, where asked for.
    """

    is_told: bool = False
    file_bytes: int = FILE_BYTES
    group_bytes: int = GROUP_BYTES
    statistics: frozenset[str] | None = None
    seed: int | None = None
    is_global: bool = False
    files_per_partition: int | None = None
    rows_per_file: int | None = None
    compression: Compression = DEFAULT

    @classmethod
    def of(cls, properties: Mapping[str, str], partition_by: Sequence[str]) -> Targets:
        """The targets of a table of these properties and partition columns."""
        told = layout_of(properties)
        if told is None:
            return cls()
        wanted = {*told.get("statistics", ()), *told.get("key", ()), *partition_by}
        return cls(
            is_told=True,
            file_bytes=int(told.get("target_file_size", FILE_BYTES)),
            group_bytes=int(told.get("target_row_group_size", GROUP_BYTES)),
            statistics=frozenset(wanted) if told.get("statistics") else None,
            seed=int(told.get("seed", 0)) if told.get("order") == "hash" else None,
            is_global=told.get("shuffle") == "global",
            files_per_partition=told.get("files_per_partition"),
            rows_per_file=told.get("max_records_per_file"),
            compression=Compression.told(told),
        )

    def is_small(self, file: Sized) -> bool:
        """Whether a file is too small, unless it is all that its partition has, or has as many rows as it may."""
        is_full = self.rows_per_file and file.rows is not None and file.rows >= SMALL * self.rows_per_file
        return file.size < SMALL * self.file_bytes and not is_full

    def is_large(self, file: Sized) -> bool:
        """Whether a file should be several, where it may be."""
        return file.size > LARGE * self.file_bytes and not self.files_per_partition

    def files_for(self, size: int) -> int:
        """The number of files that so many bytes should be in."""
        return max(1, round(size / self.file_bytes))


def mergeable(files: Iterable[File], targets: Targets) -> list[File]:
    """The files of a partition that are too small, though there are others to join.

    None where it has one file, or no more than were asked for.
    """
    listed = list(files)
    if len(listed) <= (targets.files_per_partition or 1):
        return []
    return [file for file in listed if targets.is_small(file)]


def most_groups(rows: int) -> int:
    """The row groups that a file of so many images may have, at most: a file just above the fewest is cut in two."""
    return -(-rows // IMAGES_IN_A_GROUP[0])
