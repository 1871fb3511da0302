"""Avro container files.

fastavro reads them, since Polars' own reader aborts the process at maps and holds a whole file in memory. Spark reads
them with a package of its own, which is fetched and added to the session where it is absent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import polars as pl

from genspark.engines.polars.meter import METER
from genspark.errors import SessionError, SourceError
from genspark.session import add_jar
from genspark.session.jars import Jar
from genspark.sources.format import Schema, StreamedFormat, require
from genspark.sources.listing import Listing
from genspark.sources.places import PLACE
from genspark.sources.shard import Shard
from genspark.sources.source import Source
from genspark.sources.typed import TypedFormat
from genspark.storage.stores import open_file

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from genspark.sources.spark_input import Input

SPARK_JAR = Jar(
    "org.apache.spark", "spark-avro_2.13", "4.2.0", "4c186cedc03cbe4ee356a94b32232b347ef48611c3209400b3a77e4fe4abff4f"
)
_ROWS = 1 << 14
_BYTES = 4 << 20
_PLAIN: Mapping[str, pl.DataType] = {
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "string": pl.String(),
    "bytes": pl.Binary(),
    "fixed": pl.Binary(),
    "enum": pl.String(),
}
_LOGICAL: Mapping[tuple[str, str], pl.DataType] = {
    ("int", "date"): pl.Date(),
    ("long", "timestamp-millis"): pl.Datetime("us", "UTC"),
    ("long", "timestamp-micros"): pl.Datetime("us", "UTC"),
    ("long", "local-timestamp-millis"): pl.Datetime("us"),
    ("long", "local-timestamp-micros"): pl.Datetime("us"),
}
_TIMES_OF_DAY = (("int", "time-millis"), ("long", "time-micros"))
_WIDEST = ((frozenset(("int", "long")), pl.Int64()), (frozenset(("float", "double")), pl.Float64()))


class Avro(TypedFormat, StreamedFormat):
    """Avro container files, read block by block, with the types that Spark's reader gives."""

    name = "avro"
    is_parsed = True
    tells_bytes = True

    def listed(self, source: Source) -> Listing:
        require("fastavro", "fastavro", self.name)
        return super().listed(source)

    def raw_schema(self, path: str) -> pl.Schema:
        from fastavro import block_reader
        from fastavro.schema import expand_schema

        with open_file(path) as file, _as_value_errors():
            record = expand_schema(block_reader(file).writer_schema)
        if not isinstance(record, dict) or record.get("type") != "record":
            raise SourceError(f"{PLACE}: {path} holds no records, but values of type {_named(record)}")
        return pl.Schema({field["name"]: _dtype(field["type"], field["name"], path) for field in record["fields"]})

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        # A frame without a column would have no rows.
        wanted = [name for name in schema if needed is None or name in needed] or list(schema)[:1]
        own = self.raw_schema(shard.path)
        with open_file(shard.path) as file:
            row_lists = METER.along(_row_lists(file))
            while True:
                with _as_value_errors():
                    rows = next(row_lists, None)
                    if rows is None:
                        return
                    columns = [_series(name, rows, own[name]).cast(schema[name]) for name in wanted]
                yield pl.DataFrame(columns)

    def on_spark(self, spark: SparkSession, source: Source) -> Input:
        try:
            return super().on_spark(spark, source)
        except Exception as error:
            if "Failed to find data source" not in str(error):
                raise
        _add_package(spark)
        return super().on_spark(spark, source)


def _row_lists(file: Any) -> Iterator[tuple[list[Any], int]]:
    """Gather blocks, which often have a few hundred rows only, to lists that are bounded in rows and bytes.

    With each comes where it ends in the file.
    """
    from fastavro import block_reader

    rows: list[Any] = []
    start = 0
    for block in block_reader(file):
        rows += block
        if len(rows) >= _ROWS or file.tell() - start >= _BYTES:
            start = file.tell()
            yield rows, start
            rows = []
    if rows:
        yield rows, file.tell()


def _series(name: str, rows: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    values = [row[name] for row in rows]
    return pl.Series(name, [_text_for_uuid(value) for value in values] if _has_text(dtype) else values, dtype=dtype)


def _has_text(dtype: Any) -> bool:
    if isinstance(dtype, pl.Struct):
        return any(_has_text(field.dtype) for field in dtype.fields)
    return _has_text(dtype.inner) if isinstance(dtype, pl.List) else dtype == pl.String()


def _text_for_uuid(value: Any) -> Any:
    """The value with every UUID in it as text, as the file holds it: fastavro makes objects of them."""
    if isinstance(value, dict):
        return {name: _text_for_uuid(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_text_for_uuid(inner) for inner in value]
    return str(value) if isinstance(value, UUID) else value


def _dtype(avro: Any, column: str, path: str) -> pl.DataType:
    """The type that Spark's reader gives. Raises SourceError for one that the Polars engines do not read."""
    if isinstance(avro, list):
        return _of_union(avro, column, path)
    kind, logical = (avro["type"], avro.get("logicalType", "")) if isinstance(avro, dict) else (avro, "")
    if isinstance(kind, dict | list):
        return _dtype(kind, column, path)
    if kind == "array":
        return pl.List(_dtype(avro["items"], column, path))
    if kind == "record":
        return pl.Struct({field["name"]: _dtype(field["type"], column, path) for field in avro["fields"]})
    if logical == "decimal" and kind in ("bytes", "fixed"):
        return pl.Decimal(avro["precision"], avro.get("scale", 0))
    if kind not in _PLAIN or (kind, logical) in _TIMES_OF_DAY:
        raise SourceError(
            f"{PLACE}: {path}: column {column!r} is of type {logical or _named(avro)}, which is not read here; "
            "write it as another"
        )
    return _LOGICAL.get((kind, logical), _PLAIN[kind])


def _of_union(union: Sequence[Any], column: str, path: str) -> pl.DataType:
    """The type of a union: its one type beside null, or the wider of two types of numbers."""
    present = [member for member in union if member != "null"]
    if len(present) == 1:
        return _dtype(present[0], column, path)
    for members, widest in _WIDEST:
        if all(isinstance(member, str) for member in present) and members == set(present):
            return widest
    kinds = " or ".join(_named(member) for member in present) or "null alone"
    raise SourceError(f"{PLACE}: {path}: column {column!r} is of type {kinds}; write it as one type")


def _named(avro: Any) -> str:
    """A type by name, for an error."""
    if isinstance(avro, list):
        return " or ".join(_named(member) for member in avro)
    return str(avro["type"]) if isinstance(avro, dict) else str(avro)


def _add_package(spark: SparkSession) -> None:
    line = SPARK_JAR.version.rpartition(".")[0]
    if not spark.version.startswith(f"{line}."):
        package = f"{SPARK_JAR.group}:{SPARK_JAR.artifact}:{spark.version}"
        raise SessionError(
            f"source.format: avro needs Spark's own package, and the one that is fetched is for Spark {line}: start "
            f"the session with --packages {package}, or set spark.jars.packages: {package}"
        )
    add_jar(spark, SPARK_JAR)


@contextlib.contextmanager
def _as_value_errors() -> Iterator[None]:
    """Turn the errors of fastavro and its codecs, which raise many kinds for damaged bytes, into ValueErrors."""
    try:
        yield
    except (OSError, ValueError):
        raise
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error
