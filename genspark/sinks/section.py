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
    def writer(self) -> str:
        """What writes on engine `spark`: `auto`, `arrow` or `delta`."""

    @property
    def properties(self) -> Mapping[str, str]:
        """Properties of the table."""
