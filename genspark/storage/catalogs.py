"""Tables by their names in a catalog: `schema.table`, or `catalog.schema.table`, as the Spark session at hand knows it.

A name stands for a place: the table's own, or the one that a new table of that name gets. What is done there is done as
for any other path. Only Spark is asked, by SQL, so that every catalog is known here that the session knows.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from genspark.errors import StoreError, first_line
from genspark.storage.files import is_uri, local

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PART = r"(?:[A-Za-z_]\w*|`[^`/]+`)"
_NAME = re.compile(rf"{_PART}(?:\.{_PART}){{1,2}}", re.ASCII)
_SUFFIXES = frozenset(
    {
        *("arrow", "avro", "csv", "delta", "feather", "ipc", "json", "jsonl", "ndjson", "orc", "parquet", "tar", "tgz"),
        *("tsv", "txt", "yaml", "yml", "bz2", "gz", "lz4", "xz", "zip", "zst"),
    }
)
_MANAGED = "__unitystorage"
"""What is in the path of a table whose files Unity Catalog lets nobody touch by their paths."""


def is_name(path: str) -> bool:
    """Whether a path is a name: two or three words with dots between, and not the end of a file's name.

    `./a.b` is a folder.
    """
    return _NAME.fullmatch(path) is not None and path.rpartition(".")[2].lower() not in _SUFFIXES


def beside(name: str, suffix: str) -> str:
    """The name of the table beside a table, such as its ledger's."""
    return f"{name[:-1]}{suffix}`" if name.endswith("`") else f"{name}{suffix}"


def in_sql(name: str) -> str:
    """A name as SQL takes it, whatever words it is of."""
    return ".".join(part if part.startswith("`") else f"`{part}`" for part in re.findall(_PART, name))


def place_of(path: str) -> str:
    """The place of the table that a name names; any other path as it is. Raises StoreError."""
    if not is_name(path):
        return path
    spark = _active()
    if spark is None:
        raise StoreError(
            f"{path}: is a name in a catalog, which only a Spark session can look up, and none runs here; start one "
            f"(genspark.session.get_spark), give the table's path, or write ./{path} for a folder of that name"
        )
    place = found(spark, path)
    if place is None:
        raise StoreError(f"{path}: the catalog has no such table; correct the name, or write ./{path} for a folder")
    return place


def found(spark: SparkSession, name: str) -> str | None:
    """The place of a Delta table by its name; None where the catalog has none. Raises StoreError."""
    from pyspark.errors import PySparkException

    try:
        if not spark.catalog.tableExists(in_sql(name)):
            return None
        detail = spark.sql(f"DESCRIBE DETAIL {in_sql(name)}").first()
    except PySparkException as error:
        raise StoreError(f"{name}: the catalog cannot tell of it ({_cause(error)})") from error
    assert detail is not None
    if detail["format"] != "delta":
        what = detail["format"] or "view"
        raise StoreError(f"{name}: is a {what} in the catalog, and no Delta table; give another name")
    return _usable(name, str(detail["location"]))


def new_place(spark: SparkSession, name: str) -> str:
    """The place of a table that is to be made: its own folder in its schema's. Raises StoreError."""
    where = place_of_schema(spark, name)
    if where is None:
        raise StoreError(f"{name}: its schema has no place for new tables; set sink.location to the table's")
    return _usable(name, f"{where.rstrip('/')}/{in_sql(name).rpartition('.`')[2].rstrip('`')}")


def place_of_schema(spark: SparkSession, name: str) -> str | None:
    """The folder of the schema that a table's name is in; None where it has none. Raises StoreError for no schema."""
    from pyspark.errors import PySparkException

    schema = in_sql(name).rpartition(".`")[0]
    try:
        rows = spark.sql(f"DESCRIBE SCHEMA EXTENDED {schema}").collect()
    except PySparkException as error:
        raise StoreError(
            f"{name}: the catalog has no schema {schema.replace('`', '')}, or does not show it ({_cause(error)}); "
            f"make it by CREATE SCHEMA {schema}"
        ) from error
    return next((str(row[1]) for row in rows if str(row[0]).lower() == "location" and row[1]), None)


def register(spark: SparkSession, name: str, place: str) -> None:
    """Let the catalog know the Delta table at a place by a name, where it does not yet. Raises StoreError."""
    from pyspark.errors import PySparkException

    location = place.replace("'", "\\'")
    try:
        spark.sql(f"CREATE TABLE IF NOT EXISTS {in_sql(name)} USING delta LOCATION '{location}'")
    except PySparkException as error:
        raise StoreError(
            f"{name}: the table is written at {place}, but the catalog does not take its name ({_cause(error)}); "
            "mend that, and run the job again: it writes nothing twice"
        ) from error


def _cause(error: BaseException) -> str:
    """Why a catalog fails, in one line: what is at the bottom of Java's trace, which alone names it."""
    causes = re.findall(r"^Caused by: (?:[\w.]+: )?(.+)$", str(getattr(error, "_stackTrace", "") or ""), re.MULTILINE)
    return causes[-1].strip() if causes else first_line(error)


def _usable(name: str, location: str) -> str:
    """A place as paths are written here. Raises StoreError where only its catalog may touch it."""
    if _MANAGED in location:
        raise StoreError(
            f"{name}: only Unity Catalog may write its files by their place ({location}); "
            "make it an external table, by sink.location for a new one"
        )
    return location if is_uri(location) else str(local(location))


def _active() -> SparkSession | None:
    """The session that runs in this process. Imports no Spark: where there is a session, that is done."""
    if "pyspark.sql" not in sys.modules:
        return None
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        return SparkSession.active()
    except PySparkRuntimeError:
        return None
