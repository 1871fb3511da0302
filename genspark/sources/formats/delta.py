"""Delta tables, read as the Parquet files of one version."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl

from genspark.engines.spark.names import quoted
from genspark.errors import SourceError
from genspark.sources.batches import schema_of
from genspark.sources.format import Schema
from genspark.sources.formats.parquet import Parquet, scan_parquet
from genspark.sources.listing import Listing
from genspark.sources.options import Options
from genspark.sources.parsing import values
from genspark.sources.places import PLACE
from genspark.sources.shard import Shard
from genspark.sources.source import Source, paths_of
from genspark.sources.types import normal_schema, same_or_refuse
from genspark.storage.added_files import added_files
from genspark.storage.catalogs import place_of
from genspark.storage.object_stores import delta_options, one_line
from genspark.storage.secrets import masked_texts
from genspark.storage.stores import absolute, entry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from genspark.sources.spark_input import Input


class Delta(Parquet):
    """The Parquet files of one version of a Delta table, or of several tables with the same columns."""

    name = "delta"
    options = Options()
    is_versioned = True
    # Of the files of a table Spark does not tell it.
    is_numbered_on_spark = False

    def listed(self, source: Source) -> Listing:
        """List the files of the version asked for or of the newest, so that every pass reads the same rows."""
        paths = [place_of(path) for path in paths_of(source)]
        options = self.options.given(self.name, source.options)
        tables = [_open(absolute(path), source) for path in paths]
        schema = _schema(tables[0], paths[0])
        for table, path in zip(tables[1:], paths[1:], strict=True):
            same_or_refuse(_schema(table, path), path, schema, paths[0])
        shards = [
            shard for table, path in zip(tables, paths, strict=True) for shard in _shards(table, absolute(path), schema)
        ]
        # With a timestamp the version is not recorded, as in `on_spark`, where it is not known.
        versions = [None if source.timestamp is not None else table.version() for table in tables]
        by_path = tuple(sorted(shards, key=lambda shard: shard.path))
        return Listing(by_path, options, schema, _description(source, versions))

    def scan(
        self, shards: Sequence[Shard], schema: Schema, options: Mapping[str, str], columns: Schema
    ) -> pl.LazyFrame:
        return scan_parquet(shards, schema, columns, table=True)

    def on_spark(self, spark: SparkSession, source: Source) -> Input:
        from genspark.session import qualified
        from genspark.sources.spark_input import Input

        options = self.options.for_spark(source.options)
        if source.timestamp is not None:
            options["timestampAsOf"] = source.timestamp
        frames, versions = [], []
        for path in (qualified(spark, place_of(path)) for path in paths_of(source)):
            version = source.version
            if version is None and source.timestamp is None:
                # Pinned, so that every pass reads the same rows while others write.
                version = spark.sql(f"DESCRIBE HISTORY delta.{quoted(path)} LIMIT 1").first()["version"]  # type: ignore[index]
            pin = {} if version is None else {"versionAsOf": str(version)}
            frames.append(spark.read.format("delta").options(**options, **pin).load(path))
            versions.append(version)
        whole = functools.reduce(lambda one, other: one.unionByName(other), frames)
        not_alone = "it reads all files of a Delta table to tell them apart"
        return Input(whole, _description(source, versions), not_alone=not_alone)


def _description(source: Source, versions: Sequence[int | None]) -> dict[str, Any]:
    version = versions[0] if len(versions) == 1 else list(versions)
    return {"path": masked_texts(source.path), "format": "delta", "timestamp": source.timestamp, "version": version}


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
    """Raise SourceError for column mapping and deletion vectors, which a scan of the Parquet files would ignore."""
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

    return normal_schema(schema_of(pa.schema(table.schema().to_arrow())), path)


def _shards(table: Any, root: str, schema: Mapping[str, pl.DataType]) -> list[Shard]:

    names = table.metadata().partition_columns
    rows = added_files(table, flatten=True).to_pylist()
    return [
        Shard(
            path_of_file(root, row["path"]),
            row["size_bytes"],
            _milliseconds(row["modification_time"]),
            None,
            {name: _constant(row.get(f"partition.{name}"), schema[name]) for name in names},
            rows=row.get("num_records"),
        )
        for row in rows
    ]


def path_of_file(root: str, path: str) -> str:
    """The path of a file from its percent-encoded entry in the log."""
    if "://" in path or path.startswith("/"):
        return absolute(path)
    whole = f"{root.rstrip('/')}/{path}"
    plain = f"{root.rstrip('/')}/{unquote(path)}"
    return plain if plain == whole or entry(whole) is None else whole


def _milliseconds(value: Any) -> int:
    return value if isinstance(value, int) else int(value.timestamp() * 1000)


def _constant(value: Any, dtype: pl.DataType) -> Any:
    """The value of a partition column, which the log may hold as text."""
    if not isinstance(value, str) or dtype == pl.String():
        return value
    return values.parser(dtype)(value)
