"""Sessions that know tables by name: Hive's metastore is taken where it is configured, and a silent one is told of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspark.errors import SessionError
from genspark.session import get_spark, is_running, jvm, reach
from genspark.session.connect import is_connect
from genspark.storage.catalogs import place_of_schema
from genspark.storage.files import is_uri
from genspark.storage.probing import why_silent

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FOLDERS = ("SPARK_CONF_DIR", "HIVE_CONF_DIR", "HADOOP_CONF_DIR")
_URIS = "hive.metastore.uris"


def with_catalog(name: str, spark: SparkSession | None = None) -> SparkSession:
    """A session to look up a table's name, which reaches the store that its schema is in.

    Raises SessionError where the server of the catalog does not answer, before anything waits for it, and StoreError
    where the catalog has no such schema.
    """
    session = answering(name, spark)
    reach_schema(session, name)
    return session


def answering(name: str, spark: SparkSession | None = None) -> SparkSession:
    """The session given, or that of `get_spark`, with Hive where it is configured, whose catalog answers."""
    session = spark or get_spark(config={} if is_running() else hive_conf())
    server = None if is_connect(session) else _server(session, name)
    if server and all(why_silent(one) for one in server.split(",")):
        raise SessionError(
            f"{name}: the catalog does not answer at {server} ({why_silent(server.split(',')[0], patience=0)}); start "
            "it, or correct its address in Spark's settings"
        )
    return session


def reach_schema(spark: SparkSession, name: str) -> None:
    """Let a session reach the store that the schema of a table's name is in: to describe a table it reads its log."""
    place = place_of_schema(spark, name)
    if place and is_uri(place):
        reach(spark, [place])


def hive_conf(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The setting that lets a new session use Hive's metastore, where a `hive-site.xml` configures one."""
    folders = [Path(environment[name]) for name in _FOLDERS if environment.get(name)]
    is_there = any((folder / "hive-site.xml").is_file() for folder in folders)
    return {jvm.IMPLEMENTATION: "hive"} if is_there else {}


def _server(spark: SparkSession, name: str) -> str | None:
    """The address of the server that knows a name, as the session's settings tell it; None where they tell none."""
    parts = name.split(".")
    if len(parts) == 3 and (catalog := parts[0].strip("`")) != "spark_catalog":
        return spark.conf.get(f"spark.sql.catalog.{catalog}.uri", None)
    if spark.conf.get(jvm.IMPLEMENTATION, "in-memory") != "hive" or "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return None
    context: Any = spark._jsc
    return context.hadoopConfiguration().get(_URIS) or spark.conf.get(f"spark.hadoop.{_URIS}", None)
