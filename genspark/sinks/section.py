"""The section `sink` of a job's YAML, as this package reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Section(Protocol):
    """Where rows go, and how they are laid out there. `genspark.config.Sink` has these members."""

    @property
    def path(self) -> str:
        """The table's path or URI."""

    @property
    def format(self) -> str:
        """The name of a `FileSink`."""

    @property
    def mode(self) -> str:
        """What becomes of the rows that are there: `overwrite`, `append`, or `error`, which allows none."""

    @property
    def schema_(self) -> str:
        """What rows do whose columns are not those of the table they are added to: `strict` or `evolve`."""

    @property
    def partition_by(self) -> Sequence[str]:
        """The columns that the table is partitioned by."""

    @property
    def partitions(self) -> Mapping[str, Sequence[Any]] | None:
        """Column -> values of the partitions that are overwritten alone; None for the whole table."""

    @property
    def files_per_partition(self) -> int | None:
        """The files of each partition, at most; None where size decides."""

    @property
    def max_records_per_file(self) -> int | None:
        """The rows of a file, at most."""

    @property
    def target_file_size(self) -> int:
        """The bytes of a file that the Arrow writer and the Polars engines aim at."""

    @property
    def target_row_group_size(self) -> int:
        """The bytes of a row group that they aim at, before compression."""

    @property
    def compression(self) -> str:
        """The codec of the files' pages: see `Compression`."""

    @property
    def compression_level(self) -> int | None:
        """The codec's level; None for its default."""

    @property
    def shuffle(self) -> str:
        """The order of rows from file to file: `none`, or `global`, as within each."""

    @property
    def seed(self) -> int:
        """The seed of that order."""

    @property
    def float_(self) -> int:
        """The bits of floating-point numbers: 32 or 64."""

    @property
    def lineage(self) -> bool:
        """Whether rows carry their id and their file."""

    @property
    def max_partitions(self) -> int:
        """The partitions that a run writes, at most."""

    @property
    def statistics(self) -> Sequence[str]:
        """The columns that get statistics in the files and in the log."""

    @property
    def writer(self) -> str:
        """What writes on engine `spark`: `auto`, `arrow` or `delta`."""

    @property
    def properties(self) -> Mapping[str, str]:
        """Properties of the table."""
