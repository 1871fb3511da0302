"""Delta commits of files that are written already, through deltalake: no JVM.

One commit adds the rows. Before it, nobody sees the files; where it fails, `sweep` takes them away.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from genspark.config import Sink
from genspark.errors import GensparkError, SinkError, TargetError
from genspark.sinks.demands import demands
from genspark.sinks.parquet_files import WrittenFile, as_text
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


def find(path: str, place: str = "sink.path") -> Table:
    """The table at a path. Raises TargetError where something else is there, or nothing may be written."""
    path = storage_path(path)
    with _refused(place, path, TargetError):
        if _is_table(path):
            table = _open(path)
            _refuse_demands(table, path, place)
            told = table.metadata()
            return Table(path, table.version(), tuple(told.partition_columns), dict(told.configuration))
    return absent(path, place)


def commit(
    table: Table,
    sink: Sink,
    files: Sequence[WrittenFile],
    schema: pl.Schema,
    metadata: Mapping[str, Any],
    properties: Mapping[str, str],
) -> Commit:
    """Add the files in one commit that carries `metadata`, as the sink's mode has it; then set properties.

    Raises SinkError; no row of the table has changed then.
    """
    with _refused("sink.path", table.path, SinkError):
        _refuse_other_partitions(sink, files)
        by, actions = list(partitioning(table, sink)), _adds(files)
        wanted, told = _schema(schema), _told(metadata)
        delta = _delta()
        is_anew = table.version is None or tuple(by) != table.partition_by
        if is_anew:
            delta.transaction.create_table_with_add_actions(
                table.path,
                wanted,
                actions,
                mode="error" if table.version is None else "overwrite",
                partition_by=by,
                configuration=_creatable(table, sink),
                storage_options=delta_options(table.path),
                commit_properties=told,
            )
        else:
            only = [(name, "in", [as_text(v) for v in values]) for name, values in (sink.partitions or {}).items()]
            now = _open(table.path)
            if sink.mode == "append" or only:
                refuse_other_columns(_types(now.schema()), _types(wanted))
                wanted = now.schema()
            now.create_write_transaction(
                actions, sink.mode, wanted, by, partition_filters=only or None, commit_properties=told
            )
        now = _open(table.path)
        there = replace(table, version=now.version(), properties=now.metadata().configuration)
        # A table made anew can only begin with Delta's own properties.
        changed = changed_properties(there, sink, {**table.properties, **properties} if is_anew else properties)
        if changed:
            now.alter.set_table_properties(changed, raise_if_not_exists=False, commit_properties=told)
        return Commit(now.version(), sum(f.rows for f in files), len(files), sum(f.size for f in files))


def append_merging(
    table: Table, files: Sequence[WrittenFile], schema: pl.Schema, metadata: Mapping[str, Any]
) -> Commit:
    """Append to a table whose columns may differ from run to run: new ones are added."""
    with _refused("quarantine.path", table.path, SinkError):
        delta, wanted, told = _delta(), _schema(schema), _told(metadata)
        if table.version is None:
            delta.transaction.create_table_with_add_actions(
                table.path, wanted, _adds(files), storage_options=delta_options(table.path), commit_properties=told
            )
        else:
            now = _open(table.path)
            known = {field.name for field in now.schema().fields}
            new = [field for field in wanted.fields if field.name not in known]
            if new:
                now.alter.add_columns(new, commit_properties=told)
            now.create_write_transaction(_adds(files), "append", now.schema(), [], commit_properties=told)
        version = _open(table.path).version()
        return Commit(version, sum(f.rows for f in files), len(files), sum(f.size for f in files))


def put_back(table: Table, run_id: str) -> None:
    """Undo what run `run_id` did: the table's old version comes back, or nothing remains.

    Commits of others are left alone: where one is among this run's, so are these.
    """
    since, ours = _commits_since(table, run_id)
    if not ours:
        sweep(table.path, run_id, ())
        if table.version is None and not since and not any(True for _ in _names(table.path)):
            clear(table.path)
    elif ours < since:
        return
    elif table.version is None:
        clear(table.path)
    else:
        _open(table.path).restore(table.version)


def _commits_since(table: Table, run_id: str) -> tuple[int, int]:
    """How many commits there are since the table was found, and how many of them are this run's."""
    if not _is_table(table.path):
        return 0, 0
    commits = _open(table.path).history()
    since = [c for c in commits if table.version is None or c["version"] > table.version]
    return len(since), sum(run_id in str(c.get("userMetadata", "")) for c in since)


def sweep(folder: str, run_id: str, kept: Iterable[str]) -> int:
    """Delete this run's files that no commit named, such as those of a task that was tried twice; how many."""
    keep, gone = set(kept), 0
    for path in list(_names(folder)):
        if f"-{run_id}-" in path and path not in keep:
            gone += 1
            if is_uri(folder):
                system, inside = arrow_file_system(folder)
                system.delete_file(f"{inside}/{path}")
            else:
                Path(folder, path).unlink(missing_ok=True)
    return gone


def _names(folder: str) -> Iterator[str]:
    """The table's Parquet files below a folder, relative to it: not what genspark keeps there of its own."""
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


def _refuse_other_partitions(sink: Sink, files: Sequence[WrittenFile]) -> None:
    """Raise where rows lie outside the partitions that are to be overwritten: they would be added to others."""
    for column, values in (sink.partitions or {}).items():
        named = {as_text(value) for value in values}
        outside = sorted({str(f.partition[column]) for f in files if f.partition[column] not in named})
        if outside:
            raise SinkError(
                f"sink.partitions: rows have {column} = {', '.join(outside[:5])}, which is not among those "
                "to be overwritten; list it too, or filter the source"
            )


def _types(schema: Any) -> dict[str, str]:
    """The type of each column as text, whether or not nulls may be inside."""
    told = {field.name: field.type.to_json().strip('"') for field in schema.fields}
    return {
        name: re.sub(r'("containsNull"|"valueContainsNull"|"nullable"):false', r"\1:true", told[name]) for name in told
    }


def _refuse_demands(table: Any, path: str, place: str) -> None:
    found = demands(table)
    if found:
        raise TargetError(
            f"{place}: {path} demands what only Spark heeds ({', '.join(found)}); "
            "set engine: spark and sink.writer: delta, or choose another path"
        )


def _creatable(table: Table, sink: Sink) -> dict[str, str]:
    kept = {name: value for name, value in table.properties.items() if name.startswith("delta.")}
    return {**creation_properties(sink), **kept}


def _schema(schema: pl.Schema) -> Any:
    arrow = pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return _delta().Schema.from_arrow(arrow)


def _told(metadata: Mapping[str, Any]) -> Any:
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
    """Raises DeltaError or OSError where the store does not answer."""
    return bool(_delta().DeltaTable.is_deltatable(path, delta_options(path)))


def _open(path: str) -> Any:
    return _delta().DeltaTable(path, storage_options=delta_options(path))


def _delta() -> Any:
    import deltalake
    import deltalake.exceptions
    import deltalake.transaction

    return deltalake
