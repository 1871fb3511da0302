"""One table, looked at: its log or manifest, the card and the ledger beside it. No file of rows is opened."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from genspark.cards.croissant import figures
from genspark.cards.reading import find as find_card
from genspark.catalog.entry import Column, Entry, Kind, Version
from genspark.catalog.privacy import of_description
from genspark.config.job import LEDGER_SUFFIX
from genspark.errors import SourceError
from genspark.evaluate.runs.ledger import SCORES
from genspark.job.ledger import RUNS
from genspark.sinks.formats.parquet.manifest import MANIFEST, Manifest
from genspark.sinks.history import Entry as Commit
from genspark.sinks.names import REASON_LIST, RUN
from genspark.storage.added_files import added_files
from genspark.storage.files import is_uri, local, storage_path
from genspark.storage.secrets import masked
from genspark.storage.stores import entry
from genspark.tables.snapshot import open_delta

MOST_VERSIONS = 20
"""The versions of a table that are told, newest first."""
_OF_RUNS = ("started", "outcome", "job", "run_id", "error")


def look(name: str, path: str) -> Entry:
    """What is to be told of the table at a path. Raises GensparkError, OSError or ValueError where it is broken."""
    where = storage_path(path)
    table = open_delta(where)
    found = _of_manifest(name, where) if table is None else _of_log(name, where, table)
    kind = _kind({column.name for column in found.columns})
    found = replace(found, kind=kind, owner=_owner(where))
    return _with_run(_with_card(found, where), where) if kind == "table" else found


def _of_log(name: str, path: str, table: Any) -> Entry:
    import pyarrow as pa
    import pyarrow.compute as pc

    metadata, features = table.metadata(), table.protocol().reader_features or ()
    files = added_files(table)
    rows = files.column("num_records") if "num_records" in files.column_names else None
    deleted = pa.table(table.deletion_vectors()).num_rows if "deletionVectors" in features else 0
    is_told = rows is not None and not rows.null_count and not deleted
    commits = [Commit.of(commit) for commit in table.history(MOST_VERSIONS)]
    run = next((commit.run for commit in commits if "run_id" in commit.run), {})
    return Entry(
        name,
        path,
        format="delta",
        description=metadata.description or None,
        version=table.version(),
        versions=tuple(_version(commit) for commit in commits),
        modified=commits[0].made if commits else None,
        rows=int(pc.sum(rows, min_count=0).as_py()) if is_told else None,
        files=files.num_rows,
        bytes=int(pc.sum(files.column("size_bytes"), min_count=0).as_py()),
        partition_by=tuple(metadata.partition_columns),
        columns=tuple(Column(f.name, str(f.type)) for f in pa.schema(table.schema().to_arrow())),
        sources=_sources(run),
        notes=("rows are deleted by vectors, and their number is not in the log",) if deleted else (),
    )


def _of_manifest(name: str, path: str) -> Entry:
    place = f"{path}/{MANIFEST}"
    manifest, there = Manifest.read(place), entry(place)
    if manifest is None:
        raise SourceError("its log has no version that can be read")
    made = dt.datetime.fromtimestamp((there.modified if there else 0) / 1000, dt.UTC)
    run = manifest.run
    return Entry(
        name,
        path,
        format="parquet",
        version=manifest.version,
        versions=(Version(manifest.version, made, "WRITE", run.get("job"), run.get("run_id")),),
        modified=made,
        rows=sum(file.rows for file in manifest.files),
        files=len(manifest.files),
        bytes=sum(file.bytes for file in manifest.files),
        partition_by=manifest.partition_by,
        columns=tuple(Column(column, kind) for column, kind in manifest.schema.items()),
        sources=_sources(run),
    )


def _kind(columns: set[str]) -> Kind:
    if {REASON_LIST, RUN} <= columns:
        return "quarantine"
    if set(RUNS.columns) - RUNS.added <= columns:
        return "runs"
    return "scores" if set(SCORES.columns) <= columns else "table"


def _version(commit: Commit) -> Version:
    return Version(commit.version, commit.made, commit.operation, commit.run.get("job"), commit.run.get("run_id"))


def _sources(run: Mapping[str, Any]) -> tuple[str, ...]:
    paths = (run.get("source") or {}).get("path") or ()
    return tuple(masked(path) for path in ([paths] if isinstance(paths, str) else paths))


def _owner(path: str) -> str | None:
    """Who owns the folder, where it is on a disk here and the owner has a name."""
    if is_uri(path):
        return None
    with contextlib.suppress(KeyError, OSError, NotImplementedError):
        return local(path).owner()
    return None


def _with_card(found: Entry, path: str) -> Entry:
    try:
        document = find_card(path)
    except SourceError as error:
        return replace(found, notes=(*found.notes, f"its card cannot be read: {error}"))
    if document is None:
        return found
    told = figures(document)
    fields: list[Any] = next((one["field"] for one in document.get("recordSet", ()) if one.get("@id") == "rows"), [])
    done = {field["name"]: field.get("description", "") for field in fields}
    columns = tuple(
        replace(column, done=done.get(column.name, ""), privacy=of_description(done.get(column.name, "")))
        for column in found.columns
    )
    creators = [one["name"] for one in document.get("creator", ())]
    license_ = document.get("license") or ()
    is_old = told["table version"] != found.version
    note = (f"its card is of version {told['table version']}",) if is_old else ()
    return replace(
        found,
        description=document.get("description") or found.description,
        owner=", ".join(creators) or found.owner,
        license=(license_,) if isinstance(license_, str) else tuple(license_),
        url=document.get("url"),
        keywords=tuple(document.get("keywords", ())),
        columns=columns,
        model=told.get("model"),
        quarantine=told.get("quarantine"),
        steps=tuple(document.get("rai:dataPreprocessingProtocol", ())),
        notes=(*found.notes, *note),
    )


def _with_run(found: Entry, path: str) -> Entry:
    """The entry with its newest run, of which only the ledger tells where it failed."""
    from deltalake.exceptions import DeltaError

    with contextlib.suppress(OSError, ValueError, DeltaError, SourceError):
        ledger = open_delta(f"{path}{LEDGER_SUFFIX}")
        if ledger is not None:
            rows = ledger.to_pyarrow_dataset().to_table(columns=list(_OF_RUNS), use_threads=False).to_pylist()
            newest = max(rows, key=lambda row: row["started"], default=None)
            if newest:
                told = {name: value for name, value in newest.items() if value is not None}
                return replace(found, last_run={**told, "runs": len(rows)})
    return found
