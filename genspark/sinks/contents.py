"""What a version of a table holds, as its log or its manifest tells: columns and files. Nothing else is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from genspark.sinks.formats import sink_of
from genspark.sinks.formats.parquet.manifest import MANIFEST, Manifest
from genspark.storage.added_files import added_files
from genspark.storage.files import read_text, storage_path
from genspark.storage.object_stores import delta_options


@dataclass(frozen=True)
class DataFile:
    """A Parquet file: its path below the table's, and the values of its partition; `rows` is None where not told."""

    path: str
    rows: int | None
    bytes: int
    partition: Mapping[str, str | None]


@dataclass(frozen=True)
class Contents:
    """The columns of a table (name -> type, as Polars or Spark names it), its partition columns and its files.

    `entry` is the path, below the table's, of the entry in the log or the manifest that made the version, and
    `entry_sha256` its digest.
    """

    version: int
    columns: Mapping[str, str]
    partition_by: tuple[str, ...]
    files: tuple[DataFile, ...]
    entry: str
    entry_sha256: str


def contents(form: str, path: str, version: int | None = None) -> Contents:
    """What a table of this sink format holds in a version, by default the newest.

    Raises DeltaError, OSError or ValueError where its log cannot be read from here.
    """
    return _of_log(path, version) if sink_of(form).has_log else _of_manifest(path)


def _of_log(path: str, version: int | None) -> Contents:
    import polars as pl
    from deltalake import DeltaTable

    path = storage_path(path)
    table = DeltaTable(path, version=version, storage_options=delta_options(path))
    schema = pl.Schema(table.schema().to_arrow())
    by = tuple(table.metadata().partition_columns)
    adds = added_files(table).to_pylist()
    files = tuple(
        # Paths in Delta's log are quoted as in a URL.
        DataFile(unquote(row["path"]), row.get("num_records"), row["size_bytes"], _as_text(row.get("partition") or {}))
        for row in adds
    )
    columns = {name: str(dtype) for name, dtype in schema.items()}
    entry = f"_delta_log/{table.version():020}.json"
    return Contents(table.version(), columns, by, files, entry, _digest(f"{path}/{entry}"))


def _of_manifest(path: str) -> Contents:
    place = f"{storage_path(path)}/{MANIFEST}"
    manifest = Manifest.read(place)
    if manifest is None:
        raise FileNotFoundError(f"{path} has no manifest")
    files = tuple(DataFile(file.path, file.rows, file.bytes, file.partition) for file in manifest.files)
    return Contents(manifest.version, manifest.schema, manifest.partition_by, files, MANIFEST, _digest(place))


def _digest(path: str) -> str:
    return hashlib.sha256(read_text(path).encode()).hexdigest()


def _as_text(partition: Mapping[str, object]) -> dict[str, str | None]:
    from genspark.sinks.files.written import as_text

    return {name: None if value is None else as_text(value) for name, value in partition.items()}
