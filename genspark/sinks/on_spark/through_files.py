"""What writers of files in Spark's tasks share: the table is that of a sink of files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from genspark.sinks.files.checking import off
from genspark.sinks.on_spark.row_ids import in_files
from genspark.sinks.section import Section
from genspark.sinks.sink import Files, FileSink, Sink
from genspark.sinks.table import Commit, PastRun, Table, partitioning

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class ThroughFiles(Sink["DataFrame"]):
    """Writes a frame's rows to files and passes these to `files`, which finds, checks, commits and undoes."""

    files: FileSink

    by_spark: ClassVar[bool] = False
    """Whether Spark's own writer makes the files."""

    @property
    def place(self) -> str:  # type: ignore[override]
        return self.files.place

    def find(self, path: str) -> Table:
        return self.files.find(path)

    def check(self, table: Table, section: Section, schema: Mapping[str, Any]) -> None:
        self.files.check(table, section, schema)

    def committed(self, table: Table, key: str) -> PastRun | None:
        return self.files.committed(table, key)

    def latest(self, table: Table, job: str) -> PastRun | None:
        return self.files.latest(table, job)

    def commit(
        self,
        table: Table,
        section: Section,
        rows: DataFrame,
        metadata: Mapping[str, Any],
        properties: Mapping[str, str],
    ) -> Commit:
        written = self.written(rows, table, section, metadata["run_id"])
        folder = self.files.folder(table, metadata["run_id"])
        shared = in_files(rows.sparkSession, folder, written) if section.lineage else None
        told = {**metadata, **({} if shared is None else {"row_ids_shared": shared})}
        columns = {name: str(dtype) for name, dtype in written.schema.items()}
        misfits = off(
            written.files,
            columns,
            partitioning(table, section),
            {**properties, **section.properties},
            by_spark=self.by_spark,
        )
        commit = self.files.commit(table, section, written, told, properties)
        return replace(commit, shared_ids=shared, off=tuple(misfits))

    def append(self, table: Table, rows: DataFrame, metadata: Mapping[str, Any]) -> Commit | None:
        return self.files.append(table, self.written(rows, table, None, metadata["run_id"]), metadata)

    def put_back(self, table: Table, run_id: str) -> None:
        self.files.put_back(table, run_id)

    def sweep(self, table: Table, run_id: str, commit: Commit) -> None:
        self.files.sweep(table, run_id, commit)

    @abstractmethod
    def written(self, frame: DataFrame, table: Table, section: Section | None, run_id: str) -> Files:
        """Write the rows, laid out as the section says; None for `append`. Nothing is committed."""
