"""The tables of a metastore: their names, owners and comments by the Spark session's catalog, the rest as by a path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from genspark.catalog.entry import Column, Entry
from genspark.catalog.listing import Listing, looked_at, put_together
from genspark.errors import SourceError, first_line
from genspark.session.catalogs import answering, reach_schema
from genspark.storage.catalogs import in_sql
from genspark.storage.files import is_uri, local

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_HIDDEN = frozenset({"information_schema"})


@dataclass(frozen=True)
class Described:
    """What the metastore says of a table; `place` is None of a view, and of what has no folder."""

    name: str
    provider: str
    place: str | None
    owner: str | None
    comment: str | None
    columns: tuple[Column, ...]


def in_metastore(
    root: str, *, ledgers: Sequence[str] = (), tell: Callable[[int, int], None] = lambda _done, _known: None
) -> Listing:
    """The tables of a catalog, or of a schema as `catalog.schema`, or `schema` in the session's catalog.

    Delta tables are looked at as those below a folder are; of others, and of what this process cannot reach, the
    metastore's own words are told. Raises SourceError where it knows no such catalog or schema, SessionError where its
    server does not answer.
    """
    spark = answering(f"{root}.table" if "." in root else f"{root}.schema.table")
    described = {one.name: one for schema in _schemas(spark, root) for one in _tables(spark, schema)}
    places = {one.name: one.place for one in described.values() if one.place and one.provider == "delta"}
    looked = {one.name: one for one in looked_at(places, tell)}
    entries = [_merged(one, looked.get(name)) for name, one in described.items()]
    return put_together(root, entries, ledgers, ())


def _schemas(spark: SparkSession, root: str) -> list[str]:
    from pyspark.errors import PySparkException

    name = in_sql(root) if "." in root else f"`{root.strip('`')}`"
    try:
        if "." in root or _is_schema(spark, name):
            spark.sql(f"DESCRIBE SCHEMA {name}").collect()
            return [name]
        found = [row[0] for row in spark.sql(f"SHOW SCHEMAS IN {name}").collect()]
    except PySparkException as error:
        raise SourceError(
            f"{root}: the session knows no such catalog or schema ({first_line(error)}); name a catalog, a schema, or "
            "catalog.schema, or leave --metastore out for a folder"
        ) from error
    return [f"{name}.`{schema}`" for schema in found if schema not in _HIDDEN]


def _is_schema(spark: SparkSession, name: str) -> bool:
    from pyspark.errors import PySparkException

    try:
        spark.sql(f"DESCRIBE SCHEMA {name}").collect()
    except PySparkException:
        return False
    return True


def _tables(spark: SparkSession, schema: str) -> Iterator[Described]:
    reach_schema(spark, f"{schema}.`of any name`")
    for row in spark.sql(f"SHOW TABLES IN {schema}").collect():
        if not row["isTemporary"]:
            yield _described(spark, schema, row["tableName"])


def _described(spark: SparkSession, schema: str, table: str) -> Described:
    from pyspark.errors import PySparkException

    name = f"{schema.replace('`', '')}.{table}"
    try:
        rows = spark.sql(f"DESCRIBE EXTENDED {schema}.`{table}`").collect()
    except PySparkException as error:
        return Described(name, "", None, None, f"cannot be described: {first_line(error)}", ())
    told = [(str(row[0]), str(row[1] or "")) for row in rows]
    break_ = next((at for at, (label, _) in enumerate(told) if not label or label.startswith("#")), len(told))
    facts = {label: value for label, value in reversed(told[break_:]) if value}
    place = facts.get("Location")
    return Described(
        name,
        facts.get("Provider", facts.get("Type", "")).lower(),
        place if place is None or is_uri(place) else str(local(place)),
        facts.get("Owner"),
        facts.get("Comment"),
        tuple(Column(label, kind) for label, kind in told[:break_]),
    )


def _merged(told: Described, looked: Entry | None) -> Entry:
    """What a look at the table found, with the metastore's owner, and its words for what lacks."""
    if looked is None or looked.error:
        why = (f"its files are out of reach here: {looked.error}",) if looked else ()
        return Entry(
            told.name,
            told.place or "",
            format=told.provider or None,
            description=told.comment,
            owner=told.owner,
            columns=told.columns,
            notes=why,
        )
    return replace(looked, owner=told.owner or looked.owner, description=looked.description or told.comment)
