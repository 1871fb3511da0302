"""Delta tables through deltalake, without a JVM: one commit adds files that are written already.

Before it, nobody sees the files; where it fails, `put_back` takes them away. Rows, properties and the run's transaction
are one commit, which is tried again on the newest version where another writer came first, if that is safe.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from genspark.errors import SinkError, TargetError
from genspark.sinks.columns import misfits
from genspark.sinks.features import NeedsSparkError, only_spark_heeds
from genspark.sinks.files.written import as_text
from genspark.sinks.formats.delta.definition import definition_actions, merged_schema, schema_of, types_of
from genspark.sinks.formats.delta.leftovers import delete_files, names
from genspark.sinks.formats.delta.log import LogCommit, OvertakenError, active_files
from genspark.sinks.formats.delta.tables import changed_meanwhile, checkpoint, found, is_table, open_table, refused
from genspark.sinks.history import (
    Entry,
    application,
    forgotten_run,
    latest_run,
    past_run,
    refuse_of_same_source,
    refuse_overtaken,
    refuse_the_same,
)
from genspark.sinks.section import Section
from genspark.sinks.sink import Files, FileSink, Sink, refuse_other_partitions
from genspark.sinks.table import (
    Commit,
    PastRun,
    Table,
    absent,
    keeps_columns,
    partitioning,
    refuse_misfits,
    wanted_properties,
)
from genspark.storage.files import clear, storage_path
from genspark.storage.probing import why_not_exclusive

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    Change = Callable[[Any, list[Entry]], LogCommit]
    """(the table now, or None; the commits since it was found that changed rows) -> the commit to make of it."""


_LOOKS, _PAUSE = 5, 0.2
"""How often, and how many seconds apart, a folder of files is looked at for a log."""


@dataclass(frozen=True)
class DeltaRs(FileSink):
    """Delta tables that are reached by their path."""

    format: ClassVar[str] = "delta"
    noun: ClassVar[str] = "a Delta table"
    has_log: ClassVar[bool] = True

    def find(self, path: str) -> Table:
        """Find the table as every sink does. Raises NeedsSparkError for features that only Spark heeds."""
        path = storage_path(path)
        with refused(self.place, path, TargetError):
            if is_table(path):
                return self._there(path)
        try:
            return absent(path, self.place, self.noun)
        except TargetError:
            # They may be those of another writer, who is about to make the table.
            with refused(self.place, path, TargetError):
                for _ in range(_LOOKS):
                    if is_table(path):
                        return self._there(path)
                    time.sleep(_PAUSE)
            raise

    def _there(self, path: str) -> Table:
        table = open_table(path)
        self._refuse_features(table, path)
        return found(path, table)

    def check(self, table: Table, section: Section, schema: Mapping[str, Any]) -> None:
        """Check as every sink does. Raises NeedsSparkError for an overwrite of rows that a vector deletes."""
        super().check(table, section, schema)
        with refused(self.place, table.path, TargetError):
            why = why_not_exclusive(table.path)
        if why:
            raise TargetError(
                f"{self.place}: {table.path}: {why}, and of two who commit at once one would be lost; choose another "
                "store, or set storage.s3.one_writer: true where nobody else writes the table"
            )
        if table.version is not None and section.mode == "overwrite":
            with refused(self.place, table.path, TargetError):
                self._refuse_vectors(open_table(table.path), table.path)

    def folder(self, table: Table, run_id: str) -> str:
        # What no commit names is not in the table.
        return table.path

    def by_spark(self, spark: SparkSession) -> Sink[DataFrame]:
        from genspark.sinks.on_spark.delta import DeltaSpark

        return DeltaSpark(spark, self.place)

    def committed(self, table: Table, key: str) -> PastRun | None:
        if table.version is None:
            return None
        with refused(self.place, table.path, TargetError):
            now = open_table(table.path)
            # The last checkpoint has it even where the log is cut.
            if now.transaction_version(application(key)) is None:
                return None
            history = [Entry.of(commit) for commit in now.history()]
            return past_run(history, key) or forgotten_run(history, key)

    def latest(self, table: Table, job: str) -> PastRun | None:
        if table.version is None:
            return None
        with refused(self.place, table.path, TargetError):
            return latest_run([Entry.of(commit) for commit in open_table(table.path).history()], job)

    def commit(
        self,
        table: Table,
        section: Section,
        rows: Files,
        metadata: Mapping[str, Any],
        properties: Mapping[str, str],
    ) -> Commit:
        def change(now: Any, changed: list[Entry]) -> LogCommit:
            refuse_of_same_source(changed, metadata, f"{self.place}: {table.path}")
            there = table if now is None else found(table.path, now)
            by, partitions = partitioning(there, section), _as_texts(section)
            if section.mode != "append":
                refuse_overtaken(_touching(changed, table, now, partitions), f"{self.place}: {table.path}")
            refuse_misfits(there, section, list(rows.schema))
            schema = schema_of(rows.schema)
            if keeps_columns(there, section):
                self._refuse_other_partitioning(partitioning(table, section), there)
                schema = self._merged(now.schema(), schema, evolves=section.schema_ == "evolve")
            removed = []
            if now is not None and section.mode == "overwrite":
                self._refuse_vectors(now, table.path)
                removed = active_files(now, partitions)
            return LogCommit(
                section.mode,
                metadata,
                rows.files,
                removed,
                definition_actions(now, schema, by, wanted_properties(there, section, properties)),
                _transaction(now, metadata),
            )

        with refused(self.place, table.path, SinkError):
            refuse_other_partitions(section, rows.files)
            return self._put(table, rows, metadata, change)

    def append(self, table: Table, rows: Files, metadata: Mapping[str, Any]) -> Commit | None:
        def change(now: Any, _: list[Entry]) -> LogCommit:
            schema, properties = schema_of(rows.schema), {}
            if now is not None:
                self._refuse_other_partitioning((), found(table.path, now))
                schema, properties = self._merged(now.schema(), schema, evolves=True), now.metadata().configuration
            definition = definition_actions(now, schema, (), properties)
            return LogCommit("append", metadata, rows.files, (), definition, _transaction(now, metadata))

        if not any(file.rows for file in rows.files):
            if rows.files:
                self.put_back(table, metadata["run_id"])
            return None
        with refused(self.place, table.path, SinkError):
            return self._put(table, rows, metadata, change)

    def put_back(self, table: Table, run_id: str) -> None:
        since, ours = _commits_since(table, run_id)
        if not ours:
            delete_files(table.path, run_id, ())
            if table.version is None and not since and not any(True for _ in names(table.path)):
                clear(table.path)
        elif ours < since:
            return
        elif table.version is None:
            clear(table.path)
        else:
            open_table(table.path).restore(table.version)

    def sweep(self, table: Table, run_id: str, commit: Commit) -> None:
        # Without tasks every file that was written is in the commit.
        if self.in_tasks:
            delete_files(table.path, run_id, commit.paths)

    def _put(self, table: Table, rows: Files, metadata: Mapping[str, Any], change: Change) -> Commit:
        """Make the change on the newest version there is; as often as another writer takes the next one first."""
        tried = -1
        while True:
            now = open_table(table.path) if table.version is not None or is_table(table.path) else None
            changed = changed_meanwhile(now, table.version)
            # A put that the store answered too late was tried again by the client, and found itself there.
            if any(entry.version == tried and entry.run.get("run_id") == metadata["run_id"] for entry in changed):
                break
            refuse_the_same(changed, metadata, f"{self.place}: {table.path}")
            if now is not None:
                self._refuse_features(now, table.path)
            commit, before = change(now, changed), tried
            tried = now.version() + 1 if now is not None else 0
            if tried == before:
                raise SinkError(f"{self.place}: {table.path}: the log shows no version {tried}, and has a file of it")
            with contextlib.suppress(OvertakenError):
                commit.put(table.path, tried)
                break
        checkpoint(table.path, now, tried)
        return Commit.of(tried, rows.files)

    def _merged(self, there: Any, here: Any, *, evolves: bool) -> Any:
        """The columns of a table after rows of others are added. Raises SinkError for those that do not fit."""
        problems = misfits(types_of(there), types_of(here), evolves=evolves)
        if problems:
            raise SinkError(f"{self.place}: {'; '.join(problems)}")
        return merged_schema(there, here)

    def _refuse_other_partitioning(self, by: tuple[str, ...], there: Table) -> None:
        if by != there.partition_by:
            raise SinkError(
                f"{self.place}: {there.path} is partitioned by {list(there.partition_by)}, and the rows were written "
                f"by {list(by)}; run again with sink.partition_by as the table has it"
            )

    def _refuse_features(self, table: Any, path: str) -> None:
        features = only_spark_heeds(table)
        if features:
            raise NeedsSparkError(
                f"{self.place}: {path} demands what only Spark heeds ({', '.join(features)}); {_SPARK}"
            )

    def _refuse_vectors(self, table: Any, path: str) -> None:
        features = set(table.protocol().reader_features or ())
        if "deletionVectors" in features and next(iter(table.deletion_vectors()), None) is not None:
            raise NeedsSparkError(
                f"{self.place}: {path} has files with deletion vectors, which only Spark removes rightly; "
                f"{_SPARK}, or run REORG TABLE ... APPLY (PURGE) there first"
            )


_SPARK = "set engine: spark and sink.writer: delta, or choose another path"


def _touching(
    changed: list[Entry], table: Table, now: Any, partitions: Mapping[str, list[str | None]] | None
) -> list[Entry]:
    """The commits since the table was found, unless the named partitions are as they were."""
    if not changed or table.version is None or not partitions:
        return changed
    before = open_table(table.path, table.version)
    files = [{file["path"] for file in active_files(each, partitions)} for each in (before, now)]
    return changed if files[0] != files[1] else []


def _transaction(now: Any, metadata: Mapping[str, Any]) -> tuple[str, int] | None:
    """The application transaction of a run; one that is made again, because it was asked to, gets the next number."""
    if "key" not in metadata:
        return None
    made = None if now is None else now.transaction_version(application(metadata["key"]))
    return application(metadata["key"]), (made or 0) + 1


def _commits_since(table: Table, run_id: str) -> tuple[int, int]:
    """The number of commits since the table was found, and how many of them are this run's."""
    if not is_table(table.path):
        return 0, 0
    entries = [Entry.of(commit) for commit in open_table(table.path).history()]
    since = [entry for entry in entries if table.version is None or entry.version > table.version]
    return len(since), sum(entry.run.get("run_id") == run_id for entry in since)


def _as_texts(section: Section) -> dict[str, list[str | None]] | None:
    """The partitions to be overwritten, as the log writes their values; None for all."""
    return {name: [as_text(v) for v in values] for name, values in (section.partitions or {}).items()} or None
