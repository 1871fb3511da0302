"""Delta tables through deltalake, without a JVM: one commit adds files that are written already.

Before it, nobody sees the files; where it fails, `put_back` takes them away.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from genspark.errors import GensparkError, SinkError, TargetError
from genspark.sinks.features import NeedsSparkError, only_spark_heeds
from genspark.sinks.files.written import WrittenFile, as_text
from genspark.sinks.section import Section
from genspark.sinks.sink import Files, FileSink, Sink, refuse_other_partitions
from genspark.sinks.table import (
    Commit,
    Table,
    absent,
    changed_properties,
    creation_properties,
    partitioning,
    refuse_other_columns,
)
from genspark.storage.files import OWN, clear, is_uri, storage_path
from genspark.storage.object_stores import REMEDY, arrow_file_system, delta_options, one_line

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class DeltaRs(FileSink):
    """Delta tables that are reached by their path."""

    format: ClassVar[str] = "delta"
    noun: ClassVar[str] = "a Delta table"
    has_log: ClassVar[bool] = True

    def find(self, path: str) -> Table:
        """Find the table as every sink does. Raises NeedsSparkError for features that only Spark heeds."""
        path = storage_path(path)
        with _refused(self.place, path, TargetError):
            if _is_table(path):
                table = _open(path)
                _refuse_features(table, path, self.place)
                metadata = table.metadata()
                return Table(path, table.version(), tuple(metadata.partition_columns), dict(metadata.configuration))
        return absent(path, self.place, self.noun)

    def folder(self, table: Table, run_id: str) -> str:
        # What no commit names is not in the table.
        return table.path

    def by_spark(self, spark: SparkSession) -> Sink[DataFrame]:
        from genspark.sinks.on_spark.delta import DeltaSpark

        return DeltaSpark(spark, self.place)

    def commit(
        self,
        table: Table,
        section: Section,
        rows: Files,
        metadata: Mapping[str, Any],
        properties: Mapping[str, str],
    ) -> Commit:
        with _refused(self.place, table.path, SinkError):
            refuse_other_partitions(section, rows.files)
            by, actions = list(partitioning(table, section)), _adds(rows.files)
            schema, commit_properties = _schema(rows.schema), _commit_properties(metadata)
            is_anew = table.version is None or tuple(by) != table.partition_by
            if is_anew:
                _delta().transaction.create_table_with_add_actions(
                    table.path,
                    schema,
                    actions,
                    mode="error" if table.version is None else "overwrite",
                    partition_by=by,
                    configuration=_creatable(table, section),
                    storage_options=delta_options(table.path),
                    commit_properties=commit_properties,
                )
            else:
                _write_into(_open(table.path), section, actions, schema, by, commit_properties)
            now = _open(table.path)
            there = replace(table, version=now.version(), properties=now.metadata().configuration)
            # A table made anew can only begin with Delta's own properties.
            changed = changed_properties(there, section, {**table.properties, **properties} if is_anew else properties)
            if changed:
                now.alter.set_table_properties(changed, raise_if_not_exists=False, commit_properties=commit_properties)
            return Commit.of(now.version(), rows.files)

    def append(self, table: Table, rows: Files, metadata: Mapping[str, Any]) -> Commit | None:
        if not any(file.rows for file in rows.files):
            if rows.files:
                self.put_back(table, metadata["run_id"])
            return None
        with _refused(self.place, table.path, SinkError):
            actions, schema, commit_properties = _adds(rows.files), _schema(rows.schema), _commit_properties(metadata)
            if table.version is None:
                _delta().transaction.create_table_with_add_actions(
                    table.path,
                    schema,
                    actions,
                    storage_options=delta_options(table.path),
                    commit_properties=commit_properties,
                )
            else:
                now = _open(table.path)
                known = {field.name for field in now.schema().fields}
                new = [field for field in schema.fields if field.name not in known]
                if new:
                    now.alter.add_columns(new, commit_properties=commit_properties)
                now.create_write_transaction(actions, "append", now.schema(), [], commit_properties=commit_properties)
            return Commit.of(_open(table.path).version(), rows.files)

    def put_back(self, table: Table, run_id: str) -> None:
        since, ours = _commits_since(table, run_id)
        if not ours:
            _delete_files(table.path, run_id, ())
            if table.version is None and not since and not any(True for _ in _names(table.path)):
                clear(table.path)
        elif ours < since:
            return
        elif table.version is None:
            clear(table.path)
        else:
            _open(table.path).restore(table.version)

    def sweep(self, table: Table, run_id: str, commit: Commit) -> None:
        # Without tasks every file that was written is in the commit.
        if self.in_tasks:
            _delete_files(table.path, run_id, commit.paths)


def _write_into(
    table: Any, section: Section, actions: Sequence[Any], schema: Any, by: Sequence[str], commit_properties: Any
) -> None:
    """Commit files into a table that keeps its partitioning."""
    only = [(name, "in", [as_text(v) for v in values]) for name, values in (section.partitions or {}).items()]
    if section.mode == "append" or only:
        refuse_other_columns(_types(table.schema()), _types(schema))
        schema = table.schema()
    table.create_write_transaction(
        actions, section.mode, schema, by, partition_filters=only or None, commit_properties=commit_properties
    )


def _commits_since(table: Table, run_id: str) -> tuple[int, int]:
    """The number of commits since the table was found, and how many of them are this run's."""
    if not _is_table(table.path):
        return 0, 0
    commits = _open(table.path).history()
    since = [c for c in commits if table.version is None or c["version"] > table.version]
    return len(since), sum(run_id in str(c.get("userMetadata", "")) for c in since)


def _delete_files(folder: str, run_id: str, kept: Iterable[str]) -> None:
    """Delete a run's files that no commit names, such as those of a task that was tried twice."""
    keep = set(kept)
    for path in list(_names(folder)):
        if f"-{run_id}-" in path and path not in keep:
            if is_uri(folder):
                system, inside = arrow_file_system(folder)
                system.delete_file(f"{inside}/{path}")
            else:
                Path(folder, path).unlink(missing_ok=True)


def _names(folder: str) -> Iterator[str]:
    """The table's Parquet files below a folder, relative to it, without those that genspark keeps for itself."""
    return (name for name in _all_names(folder) if not name.startswith(f"{OWN}/"))


def _all_names(folder: str) -> Iterator[str]:
    if not is_uri(folder):
        yield from (str(path.relative_to(folder)) for path in Path(folder).rglob("*.parquet"))
        return
    from pyarrow import fs

    system, inside = arrow_file_system(folder)
    for info in system.get_file_info(fs.FileSelector(inside, recursive=True, allow_not_found=True)):
        if info.path.endswith(".parquet"):
            yield info.path.removeprefix(inside).lstrip("/")


def _adds(files: Sequence[WrittenFile]) -> list[Any]:
    add = _delta().transaction.AddAction
    return [
        add(
            path=file.path,
            size=file.size,
            partition_values=dict(file.partition),
            modification_time=file.modified,
            data_change=True,
            stats=file.stats,
        )
        for file in files
    ]


def _types(schema: Any) -> dict[str, str]:
    """The type of each column as text, the same whether or not it allows nulls inside."""
    types = {field.name: field.type.to_json().strip('"') for field in schema.fields}
    return {
        name: re.sub(r'("containsNull"|"valueContainsNull"|"nullable"):false', r"\1:true", types[name])
        for name in types
    }


def _refuse_features(table: Any, path: str, place: str) -> None:
    features = only_spark_heeds(table)
    if features:
        raise NeedsSparkError(
            f"{place}: {path} demands what only Spark heeds ({', '.join(features)}); "
            "set engine: spark and sink.writer: delta, or choose another path"
        )


def _creatable(table: Table, section: Section) -> dict[str, str]:
    kept = {name: value for name, value in table.properties.items() if name.startswith("delta.")}
    return {**creation_properties(section), **kept}


def _schema(schema: pl.Schema) -> Any:
    arrow = pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return _delta().Schema.from_arrow(arrow)


def _commit_properties(metadata: Mapping[str, Any]) -> Any:
    return _delta().CommitProperties(custom_metadata={"userMetadata": json.dumps(metadata)})


@contextlib.contextmanager
def _refused(place: str, path: str, kind: type[GensparkError]) -> Iterator[None]:
    try:
        yield
    except (_delta().exceptions.DeltaError, OSError) as error:
        # Of a conflict the store is not to blame.
        remedy = f"; {REMEDY}" if is_uri(path) and isinstance(error, OSError) else ""
        raise kind(f"{place}: {path}: {one_line(error)}{remedy}") from None


def _is_table(path: str) -> bool:
    """Whether a Delta table is there. Raises DeltaError or OSError where the store does not answer."""
    return bool(_delta().DeltaTable.is_deltatable(path, delta_options(path)))


def _open(path: str) -> Any:
    return _delta().DeltaTable(path, storage_options=delta_options(path))


def _delta() -> Any:
    import deltalake
    import deltalake.exceptions
    import deltalake.transaction

    return deltalake
