"""What the log of a Delta table says of one version: its files, columns, properties, and the rows that are deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.errors import SourceError
from genspark.storage.added_files import added_files
from genspark.storage.files import is_uri, storage_path
from genspark.storage.object_stores import delta_options, one_line
from genspark.storage.stores import absolute, entry

FEATURES = frozenset(
    {
        "columnMapping",
        "deletionVectors",
        "timestampNtz",
        "typeWidening",
        "typeWidening-preview",
        "v2Checkpoint",
        "vacuumProtocolCheck",
    }
)
"""The features that readers must heed, and that these do."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, the name that it has in files, and its type."""

    name: str
    stored: str
    type: pa.DataType


@dataclass(frozen=True)
class LoggedFile:
    """A file of a version: where it is, its bytes, the values of its partition, and which of its rows are kept.

    `kept` is None where no row is deleted.
    """

    path: str
    size: int
    partition: Mapping[str, Any]
    kept: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Version:
    """One version of a table. `partition_by` are columns whose values stand in the log, and not in files."""

    path: str
    table: str
    number: int
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...]
    files: tuple[LoggedFile, ...]
    properties: Mapping[str, str] = field(default_factory=dict)


def read_log(path: str, version: int | None = None) -> Version:
    """A version of the Delta table at a path or URI, the newest if None.

    Raises SourceError where there is no table or version, or where the table has a feature that is not known here.
    """
    where = storage_path(path)
    table = _open(where, version)
    _refuse_features(table, where)
    return Version(
        where,
        str(table.metadata().id),
        int(table.version()),
        _columns(table, where),
        tuple(table.metadata().partition_columns),
        _files(table, where),
        dict(table.metadata().configuration),
    )


def _open(path: str, version: int | None) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    if version is not None and version < 0:
        raise SourceError(f"version: {version} is no version of a table; give 0 or more, or None for the newest")
    try:
        return DeltaTable(path, version=version, storage_options=delta_options(path))
    except TableNotFoundError as error:
        raise SourceError(f"{path}: there is no Delta table; check the path") from error
    except (DeltaError, OSError, ValueError) as error:
        asked = "" if version is None else f" (asked for version {version})"
        raise SourceError(f"{path}: {one_line(error)}{asked}") from error


def _refuse_features(table: Any, path: str) -> None:
    unknown = sorted(set(table.protocol().reader_features or ()) - FEATURES)
    if unknown:
        raise SourceError(
            f"{path}: the table has the feature {unknown[0]}, which readers must heed and this one does not know; "
            f"write a copy without it, or on Spark: ALTER TABLE delta.`{path}` DROP FEATURE {unknown[0]}"
        )
    mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if mode not in ("none", "name"):
        raise SourceError(
            f"{path}: the table maps its columns by {mode}, and only mapping by name is known; "
            f"write a copy, on Spark: spark.table('delta.`{path}`').write.format('delta').save('{path}_copy')"
        )


def _columns(table: Any, path: str) -> tuple[Column, ...]:
    fields = json.loads(table.schema().to_json())["fields"]
    try:
        types = pa.schema(table.schema().to_arrow())
    except (NotImplementedError, ValueError) as error:
        raise SourceError(f"{path}: a column has a type that is not known here ({one_line(error)})") from error
    stored = [one["metadata"].get("delta.columnMapping.physicalName", one["name"]) for one in fields]
    return tuple(Column(one.name, name, one.type) for one, name in zip(types, stored, strict=True))


def _files(table: Any, path: str) -> tuple[LoggedFile, ...]:
    actions = added_files(table, flatten=True)
    names = actions["path"].to_pylist()
    sizes = actions["size_bytes"].to_pylist()
    partition_by = table.metadata().partition_columns
    values = [actions[f"partition.{name}"].to_pylist() for name in partition_by]
    partitions = [dict(zip(partition_by, of_file, strict=True)) for of_file in zip(*values, strict=True)]
    partitions = partitions or [{}] * len(names)
    kept = _kept(table, path)
    files = [
        LoggedFile(where, size, partition, kept.get(unquote(where)))
        for where, size, partition in zip((_located(path, name) for name in names), sizes, partitions, strict=True)
    ]
    return tuple(sorted(files, key=lambda file: file.path))


def _kept(table: Any, path: str) -> dict[str, npt.NDArray[np.bool_]]:
    """Which rows are kept, by the path of each file of which some are deleted."""
    if "deletionVectors" not in (table.protocol().reader_features or ()):
        return {}
    from deltalake.exceptions import DeltaError

    try:
        vectors = pa.table(table.deletion_vectors())
    except (DeltaError, OSError, ValueError) as error:
        raise SourceError(
            f"{path}: deletion vectors cannot be read ({one_line(error)}); "
            f"on Spark: ALTER TABLE delta.`{path}` DROP FEATURE deletionVectors"
        ) from error
    kept = zip(vectors["filepath"].to_pylist(), vectors["selection_vector"], strict=True)
    return {unquote(_of_uri(name)): rows.values.to_numpy(zero_copy_only=False) for name, rows in kept}


def _of_uri(name: str) -> str:
    return absolute(unquote(name)) if is_uri(name) else storage_path(name)


def _located(root: str, name: str) -> str:
    """The path of a file from its entry in the log, which is percent-encoded."""
    if "://" in name or name.startswith("/"):
        return absolute(name)
    plain, whole = f"{root.rstrip('/')}/{unquote(name)}", f"{root.rstrip('/')}/{name}"
    # Some writers leave a name as it is.
    return plain if plain == whole or entry(whole) is None else whole
