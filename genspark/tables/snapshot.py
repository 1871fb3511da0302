"""A version of a table as its log or its manifest tells it: files, columns, protocol, properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genspark.errors import ConfigError, SourceError, did_you_mean
from genspark.sinks.formats.parquet.manifest import MANIFEST, Manifest
from genspark.sources.formats.delta import path_of_file
from genspark.storage.added_files import added_files
from genspark.storage.catalogs import place_of
from genspark.storage.files import is_uri, storage_path
from genspark.storage.object_stores import delta_options, one_line

Values = tuple[tuple[str, str | None], ...]
"""The partition columns with their values as the log writes them, None being null."""


@dataclass(frozen=True)
class DataFile:
    """A file of a table.

    `name` is its entry in the log, `path` where it is; `rows` is None where the log does not tell; `modified` is in
    milliseconds since 1970.
    """

    name: str
    path: str
    size: int
    rows: int | None
    partition: Values
    modified: int | None = None


@dataclass(frozen=True)
class Protocol:
    """What a Delta table demands of readers and writers."""

    reader: int
    writer: int
    reader_features: tuple[str, ...] = ()
    writer_features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """The newest version of a table. `columns` maps names to types as text.

    `protocol` is None for a folder of Parquet files with a manifest. `with_vectors` is the number of files of which
    a deletion vector takes rows away.
    """

    path: str
    version: int
    partition_by: tuple[str, ...]
    properties: Mapping[str, str]
    columns: Mapping[str, str]
    files: tuple[DataFile, ...]
    protocol: Protocol | None = None
    with_vectors: int = 0

    @property
    def bytes_columns(self) -> tuple[str, ...]:
        """The columns that hold bytes, at any depth."""
        return tuple(name for name, dtype in self.columns.items() if "binary" in dtype.lower())

    def refuse_absent(self, names: Iterable[str], place: str = "") -> None:
        """Raise ConfigError for columns that the table does not have, each told with the place that names it."""
        where = f"{place}: " if place else ""
        absent = [
            f"{where}{name!r} is not a column of {self.path}{did_you_mean(name, self.columns)}"
            for name in names
            if name not in self.columns
        ]
        if absent:
            raise ConfigError(absent)

    def partitions(self) -> dict[Values, list[DataFile]]:
        """The files of each partition; one partition without values where there are no partition columns."""
        found: dict[Values, list[DataFile]] = {}
        for file in self.files:
            found.setdefault(file.partition, []).append(file)
        return found


def is_table(path: str) -> bool:
    """Whether a table is at a path, and no file. Raises SourceError where the store does not answer."""
    where = storage_path(place_of(path))
    if where.endswith(".json") or (not is_uri(where) and Path(where).is_file()):
        # A model. Of a store that has no folders, only the name tells.
        return False
    try:
        return open_delta(where) is not None or Manifest.read(f"{where}/{MANIFEST}") is not None
    except NotADirectoryError:
        return False
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: {one_line(error)}") from None


def read_snapshot(path: str) -> Snapshot:
    """The newest version of the table at a path or URI. Raises SourceError where there is none."""
    where = storage_path(place_of(path))
    try:
        table = open_delta(where)
        if table is not None:
            return of_delta(where, table)
        manifest = Manifest.read(f"{where}/{MANIFEST}")
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: {one_line(error)}") from None
    if manifest is None:
        raise SourceError(f"{path}: there is no Delta table, nor a folder that genspark wrote; check the path")
    return _of_manifest(where, manifest)


def open_delta(path: str) -> Any:
    """The deltalake table at an absolute path or URI; None where there is none. Raises OSError or SourceError."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    options = delta_options(path)
    try:
        return DeltaTable(path, storage_options=options) if DeltaTable.is_deltatable(path, options) else None
    except DeltaError as error:
        raise SourceError(f"{path}: {one_line(error)}") from None


def of_delta(path: str, table: Any) -> Snapshot:
    """The version that a deltalake table has loaded."""
    import pyarrow as pa

    metadata, protocol = table.metadata(), table.protocol()
    reader_features = tuple(sorted(protocol.reader_features or ()))
    vectors = pa.table(table.deletion_vectors()).num_rows if "deletionVectors" in reader_features else 0
    return Snapshot(
        path,
        table.version(),
        tuple(metadata.partition_columns),
        dict(metadata.configuration),
        {field.name: str(field.type) for field in pa.schema(table.schema().to_arrow())},
        _files(path, table),
        Protocol(
            protocol.min_reader_version,
            protocol.min_writer_version,
            reader_features,
            tuple(sorted(protocol.writer_features or ())),
        ),
        vectors,
    )


def _files(path: str, table: Any) -> tuple[DataFile, ...]:

    from genspark.sinks.files.written import as_text

    files = []
    for row in added_files(table).to_pylist():
        values = tuple((name, as_text(value)) for name, value in (row.get("partition") or {}).items())
        where = path_of_file(path, row["path"])
        rows, modified = row.get("num_records"), row["modification_time"]
        files.append(DataFile(row["path"], where, row["size_bytes"], rows, values, int(modified)))
    return tuple(sorted(files, key=lambda file: file.path))


def _of_manifest(path: str, manifest: Manifest) -> Snapshot:
    files = (
        DataFile(file.path, f"{path}/{file.path}", file.bytes, file.rows, tuple(file.partition.items()))
        for file in manifest.files
    )
    return Snapshot(
        path,
        manifest.version,
        manifest.partition_by,
        manifest.properties,
        manifest.schema,
        tuple(sorted(files, key=lambda file: file.path)),
    )
