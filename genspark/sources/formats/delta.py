"""Delta tables as the Parquet files of one version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import polars as pl

from genspark.config import Source
from genspark.errors import SourceError
from genspark.sources.dataset import PLACE, Dataset
from genspark.sources.parsing import values
from genspark.sources.shard import Shard
from genspark.sources.types import normal_schema, same_or_refuse
from genspark.storage.object_stores import delta_options, one_line
from genspark.storage.stores import absolute, entry


def find_delta(source: Source, paths: Sequence[str], options: Mapping[str, str]) -> Dataset:
    """The files of the tables at the version asked for, or of now: pinned, so that every pass reads the same rows."""
    tables = [_open(absolute(path), source) for path in paths]
    schema = _schema(tables[0], paths[0])
    for table, path in zip(tables[1:], paths[1:], strict=True):
        same_or_refuse(_schema(table, path), path, schema, paths[0])
    shards = [
        shard for table, path in zip(tables, paths, strict=True) for shard in _shards(table, absolute(path), schema)
    ]
    # By timestamp the version is left open, as the Spark reader describes it.
    versions = [None if source.timestamp is not None else table.version() for table in tables]
    return Dataset(
        format="delta",
        shards=tuple(sorted(shards, key=lambda shard: shard.path)),
        schema=schema,
        options=options,
        description={
            "path": source.path,
            "format": "delta",
            "timestamp": source.timestamp,
            "version": versions[0] if len(versions) == 1 else versions,
        },
    )


def _open(path: str, source: Source) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        table = DeltaTable(path, version=source.version, storage_options=delta_options(path))
        if source.timestamp is not None:
            moment = values.timestamp(source.timestamp)
            if moment is None:
                raise SourceError(
                    f"source.timestamp: {source.timestamp!r} is no timestamp; write one such as '2026-01-31 12:00:00'"
                )
            table.load_as_version(moment)
    except TableNotFoundError as error:
        raise SourceError(f"{PLACE}: there is no Delta table at {path}; check the path and the format") from error
    except (DeltaError, OSError, ValueError) as error:
        place = "source.version" if source.version is not None else PLACE
        raise SourceError(f"{place}: {path}: {one_line(error)}") from error
    _refuse_features(table, path)
    return table


def _refuse_features(table: Any, path: str) -> None:
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if mapping != "none":
        raise SourceError(f"{PLACE}: {path} maps its columns by {mapping}; `engine: spark` reads it")
    if "deletionVectors" in (table.protocol().reader_features or ()) and _has_deletions(table):
        raise SourceError(
            f"{PLACE}: {path} has deletion vectors; `engine: spark` reads it, "
            "and so do all once REORG TABLE ... APPLY (PURGE) has been run"
        )


def _has_deletions(table: Any) -> bool:
    import pyarrow as pa

    return bool(pa.table(table.deletion_vectors()).num_rows)


def _schema(table: Any, path: str) -> dict[str, pl.DataType]:
    import pyarrow as pa

    frame = pl.from_arrow(pa.schema(table.schema().to_arrow()).empty_table())
    assert isinstance(frame, pl.DataFrame)
    return normal_schema(frame.schema, path)


def _shards(table: Any, root: str, schema: Mapping[str, pl.DataType]) -> list[Shard]:
    import pyarrow as pa

    names = table.metadata().partition_columns
    rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return [
        Shard(
            _path(root, row["path"]),
            row["size_bytes"],
            _milliseconds(row["modification_time"]),
            None,
            {name: _constant(row.get(f"partition.{name}"), schema[name]) for name in names},
        )
        for row in rows
    ]


def _path(root: str, path: str) -> str:
    """Paths stand in the log as URIs do, quoted."""
    if "://" in path or path.startswith("/"):
        return absolute(path)
    whole = f"{root.rstrip('/')}/{path}"
    plain = f"{root.rstrip('/')}/{unquote(path)}"
    return plain if plain == whole or entry(whole) is None else whole


def _milliseconds(value: Any) -> int:
    return value if isinstance(value, int) else int(value.timestamp() * 1000)


def _constant(value: Any, dtype: pl.DataType) -> Any:
    if not isinstance(value, str) or dtype == pl.String():
        return value
    return values.parser(dtype)(value)
