"""Delta tables by Spark's own writer.

Rows and the run's transaction are one commit. So are the properties of a new table where Delta's command for it is to
be had; else, and where a table's properties change, they are a commit before it: after a crash between the two no row
lacks its properties.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from genspark.columns.hashing import ORDER
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.names import wrapped
from genspark.errors import SinkError, SourceOvertakenError, TargetError
from genspark.session import qualified
from genspark.session.delta_command import making
from genspark.sinks.columns import fitted, kept_columns, misfits
from genspark.sinks.files.compression import Compression
from genspark.sinks.history import (
    Entry,
    application,
    changed_since,
    latest_run,
    past_run,
    refuse_of_same_source,
    refuse_overtaken,
    refuse_the_same,
)
from genspark.sinks.on_spark import delta_table
from genspark.sinks.on_spark.delta_new import make_without_rows
from genspark.sinks.on_spark.footers import looked_at
from genspark.sinks.on_spark.frames import ADVISORY, held, in_order, plain_text
from genspark.sinks.section import Section
from genspark.sinks.sink import Sink
from genspark.sinks.table import Commit, PastRun, Table, absent, keeps_columns, partitioning, wanted_properties
from genspark.storage.files import clear
from genspark.storage.probing import loses_by_delta

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class DeltaSpark(Sink["DataFrame"]):
    """Delta tables by Spark's own writer, through whatever catalog or file system the session has."""

    spark: SparkSession
    place: str = "sink.path"

    noun: ClassVar[str] = "a Delta table"
    has_log: ClassVar[bool] = True
    can_map: ClassVar[bool] = True

    def find(self, path: str) -> Table:
        from pyspark.errors import AnalysisException

        with spark_errors(self.place, TargetError):
            path = qualified(self.spark, path)
            self._refuse_losing(path)
            try:
                detail = self.spark.sql(f"DESCRIBE DETAIL {delta_table.named(path)}").first()
            except AnalysisException:
                return absent(path, self.place, self.noun)
            assert detail is not None
            version = delta_table.latest(self.spark, path)
            columns = dict(wrapped(delta_table.load(self.spark, path)).collect_schema())
            return Table(path, version, tuple(detail["partitionColumns"]), dict(detail["properties"]), columns)

    def _refuse_losing(self, path: str) -> None:
        """Raise TargetError on S3, where Delta's log keeps two drivers from one version by nothing."""
        if not loses_by_delta(path):
            return
        raise TargetError(
            f"{self.place}: {path}: on S3 Delta's own writer loses commits where two drivers write "
            "(https://github.com/delta-io/delta/issues/3596); let Arrow write (sink.writer: arrow), or set "
            "storage.s3.one_writer: true where nobody else writes the table"
        )

    def committed(self, table: Table, key: str) -> PastRun | None:
        with spark_errors(self.place, TargetError):
            return past_run(delta_table.history(self.spark, table.path), key)

    def latest(self, table: Table, job: str) -> PastRun | None:
        with spark_errors(self.place, TargetError):
            return latest_run(delta_table.history(self.spark, table.path), job)

    def commit(
        self,
        table: Table,
        section: Section,
        rows: DataFrame,
        metadata: Mapping[str, Any],
        properties: Mapping[str, str],
    ) -> Commit:
        with spark_errors(self.place, SinkError):
            history = delta_table.history(self.spark, table.path)
            self._refuse_meanwhile(table, section, history, metadata)
            if table.version is None and history and section.mode == "append":
                table = self.find(table.path)
            frame, options = fitted(plain_text(rows), kept_columns(table, section)), _options(table, history, metadata)
            wanted = wanted_properties(table, section, properties)
            settings = {ADVISORY: str(section.target_file_size), **Compression.of(section).on_hadoop}
            with self._noticing_the_same(table, metadata), held(self.spark, settings):
                if keeps_columns(table, section):
                    self._refuse_other_columns(frame, table, section)
                if table.version is not None:
                    self._set_properties(table, wanted, metadata)
                    self._write(table, section, frame, section.mode, options)
                elif not self._write_new(table, section, frame, wanted, options, metadata):
                    return self.commit(table, section, rows, metadata, properties)
            commit = self._commit(table, section, metadata)
            return looked_at(self.spark, table, section, commit, wanted, dict(frame.dtypes))

    def append(self, table: Table, rows: DataFrame, metadata: Mapping[str, Any]) -> Commit | None:
        with spark_errors(self.place, SinkError), self._noticing_the_same(table, metadata):
            history = delta_table.history(self.spark, table.path)
            self._refuse_meanwhile(table, None, history, metadata)
            frame = fitted(plain_text(rows), kept_columns(table, None))
            writer = frame.write.format("delta").mode("append").option("mergeSchema", "true")
            writer.options(**_options(table, history, metadata)).save(table.path)
            commit = self._commit(table, None, metadata)
            if commit.rows:
                return commit
            self.put_back(table, metadata["run_id"])
            return None

    def put_back(self, table: Table, run_id: str) -> None:
        history = delta_table.history(self.spark, table.path)
        since = [entry for entry in history if table.version is None or entry.version > table.version]
        if not history and table.version is None:
            # No commit was made; data files without one would only be in the way.
            clear(table.path)
        if not since or any(entry.run.get("run_id") != run_id for entry in since):
            return
        if table.version is None:
            clear(table.path)
        else:
            delta_table.restore(self.spark, table.path, table.version)

    def sweep(self, table: Table, run_id: str, commit: Commit) -> None:
        # Spark's committer takes away what its tasks leave, and names no run in a file's name.
        return

    def _set_properties(self, table: Table, wanted: Mapping[str, str], metadata: Mapping[str, Any]) -> None:
        changed = {name: value for name, value in wanted.items() if table.properties.get(name) != value}
        if changed:
            delta_table.set_properties(self.spark, table.path, changed, _without_key(metadata))

    def _write_new(
        self,
        table: Table,
        section: Section,
        frame: DataFrame,
        wanted: Mapping[str, str],
        options: Mapping[str, str],
        metadata: Mapping[str, Any],
    ) -> bool:
        """Write the table with its rows. False where another writer made it first, and rows may be appended to it."""
        by, created = partitioning(table, section), {**delta_table.plain_properties(self.spark), **wanted}
        if all(name.startswith("delta.") for name in created):
            self._write(table, section, frame, section.mode, {**options, **created})
            return True
        rows, told = in_order(frame, section, by), {**options, **_of_files(section)}
        make = making(self.spark, rows, table.path, partition_by=by, properties=created, options=told)
        try:
            if make is None:
                make_without_rows(self.spark, rows, table.path, by, created, _without_key(metadata))
            else:
                make()
        except Exception:
            if section.mode == "append" and delta_table.history(self.spark, table.path):
                return False
            raise
        if make is None:
            self._write(table, section, frame, "append", options)
        return True

    def _write(self, table: Table, section: Section, frame: DataFrame, mode: str, options: Mapping[str, str]) -> None:
        rows = in_order(frame, section, partitioning(table, section))
        writer = rows.write.format("delta").mode(mode).options(**options, **_of_files(section))
        if section.schema_ == "evolve" and keeps_columns(table, section):
            writer = writer.option("mergeSchema", "true")
        if section.partitions and table.version is not None:
            writer.option("replaceWhere", delta_table.condition(section.partitions)).save(table.path)
            return
        if mode == "overwrite":
            writer = writer.option("overwriteSchema", "true")
        writer.partitionBy(*partitioning(table, section)).save(table.path)

    def _refuse_other_columns(self, frame: DataFrame, table: Table, section: Section) -> None:
        there = delta_table.load(self.spark, table.path)
        problems = misfits(dict(there.dtypes), dict(frame.drop(ORDER).dtypes), evolves=section.schema_ == "evolve")
        if problems:
            raise SinkError(f"{self.place}: {'; '.join(problems)}")

    def _refuse_meanwhile(
        self, table: Table, section: Section | None, history: list[Entry], metadata: Mapping[str, Any]
    ) -> None:
        """Raise SinkError for what others committed since the table was found, where this run must not go on then."""
        changed, where = changed_since(history, table.version), f"{self.place}: {table.path}"
        refuse_the_same(changed, metadata, where)
        if section:
            refuse_of_same_source(changed, metadata, where)
        if section and section.mode != "append" and self._are_touched(table, section, changed, None):
            refuse_overtaken(changed, where)

    def _are_touched(self, table: Table, section: Section, changed: list[Entry], version: int | None) -> bool:
        """Whether the rows that are to be overwritten are others, at a version, than when the table was found."""
        if not changed or table.version is None or not section.partitions:
            return bool(changed)
        only = delta_table.condition(section.partitions)
        then, now = (delta_table.load(self.spark, table.path, each) for each in (table.version, version))
        return set(then.filter(only).inputFiles()) != set(now.filter(only).inputFiles())

    @contextlib.contextmanager
    def _noticing_the_same(self, table: Table, metadata: Mapping[str, Any]) -> Iterator[None]:
        """Raise AlreadyCommittedError where the block fails because another process committed the same run."""
        try:
            yield
        except Exception:
            changed = changed_since(delta_table.history(self.spark, table.path), table.version)
            refuse_the_same(changed, metadata, f"{self.place}: {table.path}")
            raise

    def _commit(self, table: Table, section: Section | None, metadata: Mapping[str, Any]) -> Commit:
        """The commit that was made of the rows. Raises SinkError where it overwrote what it did not know of."""
        history, told = delta_table.history(self.spark, table.path), json.loads(json.dumps(metadata))
        changed, where = changed_since(history, table.version), f"{self.place}: {table.path}"
        own = next((entry for entry in changed if entry.run == told), None)
        if own is None:
            # Of a frame that it knows to be empty Spark makes no commit, nor of a transaction that there is.
            refuse_the_same(changed, metadata, where)
            return Commit(history[0].version, 0, 0, 0)
        self._refuse_of_same_source(table, changed, own, metadata)
        if section and section.mode != "append" and own.read is not None:
            # Between the look at the history and the write another may have come.
            others = [entry for entry in changed if entry.run.get("run_id") != told.get("run_id")]
            lost = [entry for entry in others if entry.version <= own.read]
            if self._are_touched(table, section, lost, own.read):
                delta_table.restore(self.spark, table.path, own.version - 1)
                refuse_overtaken(lost, where)
        metrics = own.metrics
        rows, files, size = (int(metrics.get(name, 0)) for name in ("numOutputRows", "numFiles", "numOutputBytes"))
        return Commit(own.version, rows, files, size)

    def _refuse_of_same_source(
        self, table: Table, changed: list[Entry], own: Entry, metadata: Mapping[str, Any]
    ) -> None:
        """Undo an append that Spark made although another run of the job came first, and raise SourceOvertakenError.

        Raises SinkError where others have come since, which an undoing would undo, too.
        """
        where = f"{self.place}: {table.path}"
        try:
            refuse_of_same_source([entry for entry in changed if entry.version < own.version], metadata, where)
        except SourceOvertakenError:
            if changed[0] is not own:
                raise SinkError(
                    f"{where}: version {own.version} has rows of files that another run of the job added just before, "
                    f"and {changed[0].who} came since; restore version {own.version - 1}, and run both again"
                ) from None
            delta_table.restore(self.spark, table.path, own.version - 1)
            raise


def _options(table: Table, history: list[Entry], metadata: Mapping[str, Any]) -> dict[str, str]:
    """What a commit tells of its run: its metadata, and its transaction, which Spark makes once."""
    told = {"userMetadata": json.dumps(metadata)}
    if "key" not in metadata:
        return told
    # Spark passes over a transaction whose number is not above the last. That of a run which is made again, because it
    # was put back or is asked for, is one that no commit of it to this table can have had.
    before = [entry for entry in history if table.version is not None and entry.version <= table.version]
    is_again = any(entry.run.get("key") == metadata["key"] for entry in before)
    number = (table.version or 0) + 2 if is_again else 1
    return {**told, "txnAppId": application(metadata["key"]), "txnVersion": str(number)}


def _of_files(section: Section) -> dict[str, str]:
    """What Spark's writer is told of the files."""
    limit = {"maxRecordsPerFile": str(section.max_records_per_file)} if section.max_records_per_file else {}
    return {**Compression.of(section).for_spark, **limit}


def _without_key(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a commit before that of the rows tells of its run, which is found by its key where its rows are."""
    return {name: value for name, value in metadata.items() if name != "key"}
