"""The contract of a sink: find a table, check that rows fit it, commit once, and undo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import polars as pl

from genspark.errors import SinkError, TargetError
from genspark.sinks.columns import check_columns
from genspark.sinks.files.compression import Compression
from genspark.sinks.files.layout import MEMORY, MEMORY_OF_TASKS, Layout
from genspark.sinks.files.written import WrittenFile, as_text
from genspark.sinks.names import check_names
from genspark.sinks.section import Section
from genspark.sinks.table import Commit, PastRun, Table, partitioning, refuse_misfits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Rows = TypeVar("Rows")


class Sink(ABC, Generic[Rows]):
    """Writes tables of one format. `Rows` is the form in which it takes rows: a Spark frame, or `Files`.

    `place` is the key of the configuration that errors name. A sink knows no table: each method is given one.
    """

    place: str
    noun: ClassVar[str]
    """What its tables are called in messages, such as "a Delta table"."""
    has_log: ClassVar[bool] = False
    """Whether its tables have Delta's log: they take Delta's own properties, and Delta's own writer makes them."""
    can_map: ClassVar[bool] = False
    """Whether it keeps Delta's column mapping, under which columns may have any name."""

    @abstractmethod
    def find(self, path: str) -> Table:
        """Find the table at a path. Raises TargetError where something else is there, or the path is not writable."""

    def check(self, table: Table, section: Section, schema: Mapping[str, Any]) -> None:
        """Raise TargetError where the section does not fit the table or the result's columns (name -> dtype).

        It runs before any data is read.
        """
        refuse_misfits(table, section, list(schema))
        check_names(table, section, schema, can_map=self.can_map, has_log=self.has_log)
        problems = check_columns(table, section, schema)
        if problems:
            raise TargetError(f"sink.schema: {'; '.join(problems)}")

    @abstractmethod
    def committed(self, table: Table, key: str) -> PastRun | None:
        """The run of this key that was committed to the table before, unless it was put back; None for none."""

    @abstractmethod
    def latest(self, table: Table, job: str) -> PastRun | None:
        """The last run of a job that tells which files of its source are in the table; None for none.

        None, too, where another run has replaced the whole table since.
        """

    @abstractmethod
    def commit(
        self,
        table: Table,
        section: Section,
        rows: Rows,
        metadata: Mapping[str, Any],
        properties: Mapping[str, str],
    ) -> Commit:
        """Add the rows by the section's mode and set the table's properties, visible all at once.

        `metadata` tells of the run: its `run_id`, and its `key`, by which `committed` finds it again; `properties` are
        those that the steps want, beside the section's own. Where another writer came first, an append is tried
        again on what it made of the table. Raises SinkError; no row of the table has changed then. Raises
        AlreadyCommittedError where another process committed a run of this key since the table was found, and
        SourceOvertakenError where `metadata` has `adds_new` and what is new may be other files since.
        """

    @abstractmethod
    def append(self, table: Table, rows: Rows, metadata: Mapping[str, Any]) -> Commit | None:
        """Append to a table without partitions, whose columns may differ from run to run: new ones are added.

        None where there are no rows: a table is made, or changed, for rows alone. Raises SinkError as `commit` does.
        """

    @abstractmethod
    def put_back(self, table: Table, run_id: str) -> None:
        """Undo what a run did since the table was found: restore the old rows, or remove a table that was new.

        What others committed is left alone: where they did meanwhile, so is what the run did.
        """

    @abstractmethod
    def sweep(self, table: Table, run_id: str, commit: Commit) -> None:
        """Delete what a finished run leaves behind, now that it will not be put back. Raises OSError."""


@dataclass(frozen=True)
class Files:
    """Files that are written but not committed, and the schema of their rows with the partition columns."""

    files: Sequence[WrittenFile]
    schema: pl.Schema


@dataclass(frozen=True)
class FileSink(Sink[Files]):
    """Commits files that are written already. Subclasses register by their `format`.

    `in_tasks`: tasks write the files, and may be tried twice.
    """

    place: str = "sink.path"
    in_tasks: bool = False

    format: ClassVar[str]
    registry: ClassVar[dict[str, type[FileSink]]] = {}

    def __init_subclass__(cls) -> None:
        FileSink.registry[cls.format] = cls

    @abstractmethod
    def folder(self, table: Table, run_id: str) -> str:
        """The folder below which a run writes its files; until the commit they are no rows of the table."""

    @abstractmethod
    def by_spark(self, spark: SparkSession) -> Sink[DataFrame]:
        """The sink of the same tables that lets Spark write the rows, without genspark on its workers."""

    def layout(self, table: Table, section: Section | None, run_id: str) -> Layout:
        """The layout of a run's files; without a section, of files for `append`."""
        if section is None:
            return Layout((), run_id)
        return Layout(
            partitioning(table, section),
            run_id,
            section.files_per_partition,
            section.max_records_per_file,
            section.target_file_size,
            section.target_row_group_size,
            is_global=section.shuffle == "global",
            statistics=tuple(section.statistics),
            most_partitions=section.max_partitions,
            seed=section.seed,
            compression=Compression.of(section),
            memory=MEMORY_OF_TASKS if self.in_tasks else MEMORY,
        )


def refuse_other_partitions(section: Section, files: Sequence[WrittenFile]) -> None:
    """Raise SinkError for rows outside the partitions to be overwritten, which would be added to other partitions."""
    for column, values in (section.partitions or {}).items():
        named = {as_text(value) for value in values}
        outside = sorted({str(f.partition[column]) for f in files if f.partition[column] not in named})
        if outside:
            raise SinkError(
                f"sink.partitions: rows have {column} = {', '.join(outside[:5])}, which is not among those "
                "to be overwritten; list it too, or filter the source"
            )
