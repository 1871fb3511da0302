"""Let a Spark session reach stores: the connectors that it lacks are loaded, and Hadoop is told what the user said."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from genspark.errors import SessionError
from genspark.session import jars, jvm
from genspark.session.connect import is_connect
from genspark.session.connectors import CONNECTORS, HADOOP_LINE, Connector
from genspark.storage import access, hadoop

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_TOLD = "spark.genspark.storage"
"""The setting of a session that names what was set here, and may be set again."""


def reach(spark: SparkSession, places: Iterable[str]) -> None:
    """Let a session read and write at these paths and URIs; what its owner has set stays.

    A classic session, and a Connect server that this process started, get the connectors that they lack. On another
    Connect server, and on Databricks, stores are their owner's matter.

    Raises:
        SessionError: a connector is lacking and cannot be added.

    """
    # Serverless compute takes none of these settings, from Databricks Connect neither.
    if "DATABRICKS_RUNTIME_VERSION" in os.environ or "DATABRICKS_SERVERLESS_COMPUTE_ID" in os.environ:
        return
    uris = sorted(set(places))
    view = _view(spark)
    needed = {uri.partition("://")[0]: uri for uri in uris if uri.partition("://")[0] in CONNECTORS}
    if view is not None:
        for scheme, uri in needed.items():
            _load(view, scheme, uri)
    _tell(spark, view, hadoop.user_properties(uris), is_given=access.given() != access.Access())
    _tell(spark, view, hadoop.bounds(uris), is_given=False)


def _view(spark: SparkSession) -> Any:
    """The JVM of the session, or of the Connect server in this process; None where it is another's."""
    if not is_connect(spark):
        return spark._jvm
    if "SPARK_LOCAL_REMOTE" not in os.environ:
        return None
    # Not before: an installation of Connect's client alone has no such class.
    from pyspark import SparkContext

    return SparkContext._jvm


def _load(view: Any, scheme: str, uri: str) -> None:
    """Put the jars of a scheme's connector on the class path of the JVM that runs, where it has no such class."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]

    connector = CONNECTORS[scheme]
    context = view.org.apache.spark.SparkContext.getOrCreate()
    served_by = context.hadoopConfiguration().get(f"fs.{scheme}.impl") or connector.file_system
    loader = view.java.lang.Thread.currentThread().getContextClassLoader()
    if _is_loadable(loader, served_by):
        return
    version = str(view.org.apache.hadoop.util.VersionInfo.getVersion())
    if not version.startswith(f"{HADOOP_LINE}."):
        raise SessionError(_lacking(connector, uri, version, f"genspark's jars are for Hadoop {HADOOP_LINE}"))
    try:
        paths = [jars.cached(jar) for jar in connector.jars]
        for path in paths:
            loader.addURL(view.java.io.File(str(path)).toURI().toURL())
            if not jvm.is_local(context.master()):
                context.addJar(str(path))
    except Py4JError as error:
        raise SessionError(_lacking(connector, uri, version, "its class loader takes no more jars")) from error
    except SessionError as error:
        raise SessionError(_lacking(connector, uri, version, str(error))) from error
    if not _is_loadable(loader, connector.file_system):
        raise SessionError(_lacking(connector, uri, version, "the jars do not load"))
    # Hadoop remembers for each loader the classes that were not there: of another one it knows nothing.
    context.hadoopConfiguration().setClassLoader(view.org.apache.spark.util.ParentClassLoader(loader))


def _is_loadable(loader: Any, name: str) -> bool:
    from py4j.protocol import Py4JJavaError

    try:
        loader.loadClass(name)
    except Py4JJavaError:
        return False
    return True


def _lacking(connector: Connector, uri: str, version: str, why: str) -> str:
    return (
        f"{uri}: this Spark has no connector for {connector.name}, and it could not be added ({why}): pass "
        f"--packages {connector.package_for(version)} to spark-submit, or set it as spark.jars.packages"
    )


def _tell(spark: SparkSession, view: Any, properties: Mapping[str, str], *, is_given: bool) -> None:
    """Set Hadoop's properties on the session; only a section of the job (`is_given`) wins over its owner's."""
    told = {name for name in (spark.conf.get(_TOLD, "") or "").split(",") if name}
    for name, value in properties.items():
        if is_given or name in told or not _is_set(spark, view, name):
            spark.conf.set(name, value)
            told.add(name)
    spark.conf.set(_TOLD, ",".join(sorted(told)))


def _is_set(spark: SparkSession, view: Any, name: str) -> bool:
    """Whether the session's owner has set one of Hadoop's properties, and not Hadoop's own defaults."""
    if any(spark.conf.get(key, None) is not None for key in (name, f"spark.hadoop.{name}")):
        return True
    if view is None:
        return False
    conf = view.org.apache.spark.SparkContext.getOrCreate().hadoopConfiguration()
    sources = conf.getPropertySources(name)
    return sources is not None and not all(str(source).endswith("-default.xml") for source in sources)
