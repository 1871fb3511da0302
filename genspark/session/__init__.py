"""Spark sessions, wherever the job runs: this machine, spark-submit, Spark Connect, Databricks.

`get_spark` takes what is there before it starts anything: a session that runs already, then a Connect
server, then the JVM of spark-submit, and only then a JVM of its own, tuned for one machine. With
`genspark.session.driver` this is the one place that touches the JVM; importing it imports no Spark.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from genspark.errors import SessionError
from genspark.session import archive, connect, driver, jars, jvm, progress
from genspark.session.archive import prepare
from genspark.session.connect import is_connect
from genspark.session.jars import Jar
from genspark.session.jvm import WRITER_CONF
from genspark.session.reaching import reach
from genspark.session.sail import is_sail

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = [
    "WRITER_CONF",
    "add_jar",
    "get_spark",
    "is_connect",
    "is_running",
    "master_of",
    "prepare",
    "reach",
    "set_conf",
    "settled",
    "slots",
    "stop",
    "task_progress",
]

_log = logging.getLogger(__name__)


def get_spark(
    app_name: str = "genspark",
    *,
    master: str | None = None,
    remote: str | None = None,
    config: Mapping[str, str] | None = None,
    quick: bool | None = None,
) -> SparkSession:
    """The session to work with: the active one, or else a new one that suits where this process runs.

    1. An active session is used as it is, with `config` set on it where it can be.
    2. `remote` or `SPARK_REMOTE`: a Connect server at `sc://host:port`, or `local[2]` for one started here.
    3. Under spark-submit: what was submitted, with Delta added where it is absent.
    4. Else a driver on this machine, `master` being `local[*]` unless told otherwise.

    `config` holds any Spark settings and wins over genspark's own. `quick` (`GENSPARK_QUICK=1` where left
    out) starts faster with the first compiler alone: right for tests and small jobs, wrong for long ones.

    Raises:
        SessionError: no pyspark, no Java 17, no Delta, no server at the address, or another session is
            in the way.

    """
    if master and remote:
        raise SessionError(f"master={master!r} and remote={remote!r} exclude each other: give one of them")
    driver.require_pyspark()
    wanted = dict(config or {})
    active = _active_session()
    if active is not None and not _is_another(active, master, remote):
        return _with_conf(active, wanted)
    if "DATABRICKS_RUNTIME_VERSION" in os.environ and not (master or remote):
        return _of_databricks(wanted)
    address = remote or os.environ.get("SPARK_REMOTE")
    if master and address:
        raise SessionError(f"master={master!r} was asked for while SPARK_REMOTE={address!r} is set: drop one")
    if address and not address.startswith("local"):
        return _with_conf(connect.connect(address), wanted)
    if driver.is_running() and not address:
        return driver.submitted(app_name, master, wanted)
    where = address or master or wanted.get("spark.master") or "local[*]"
    conf = _launch_conf(app_name, where, wanted, quick=_quick_by_default() if quick is None else quick)
    return connect.connect_locally(conf) if address else driver.launch(conf)


def is_running() -> bool:
    """Whether a session is there already, so that none has to be started. Does not import Spark."""
    if driver.is_submitted() or "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return True
    return "pyspark.sql" in sys.modules and _active_session() is not None


def master_of(spark: SparkSession | None) -> str:
    """The master of a session, or of the one that would be taken: `local` where one is started here."""
    active = spark or ("pyspark.sql" in sys.modules and _active_session()) or None
    if active is not None:
        return str(active.conf.get("spark.master", "local") or "local")
    if address := os.environ.get("SPARK_REMOTE"):
        return address
    return driver.submitted_master() if driver.is_submitted() else "local"


def slots(spark: SparkSession) -> int:
    """The number of tasks that the session runs at once, according to its settings; at least 1."""
    local = jvm.cores(spark.conf.get("spark.master", "") or "")
    if local:
        return local
    if is_sail(spark) and spark.conf.get("spark.executor.instances", None) is None:
        return jvm.usable_cores()  # a Sail server tells nothing of itself, and most are on this machine
    executors, cores = (int(spark.conf.get(f"spark.executor.{what}", "1") or 1) for what in ("instances", "cores"))
    return max(executors * cores, 1)


def set_conf(spark: SparkSession, settings: Mapping[str, str]) -> tuple[str, ...]:
    """Set those settings that a running session can change; return the keys that it refused.

    A `spark.hadoop.` setting loses its prefix: a running session passes all of its settings on to Hadoop,
    and only a starting one looks for the prefix.
    """
    from pyspark.errors import PySparkException

    refused = []
    for key, value in settings.items():
        try:
            spark.conf.set(key.removeprefix("spark.hadoop."), value)
        except PySparkException:
            refused.append(key)
    return tuple(refused)


def add_jar(spark: SparkSession, jar: Jar) -> None:
    """Fetch a jar and add it to a running session, for its driver and its tasks.

    Raises:
        SessionError: the repository is out of reach, or the session takes no jars.

    """
    from pyspark.errors import PySparkException

    path = jars.cached(jar)
    try:
        if is_connect(spark):
            spark.addArtifacts(str(path))
        else:
            spark.sql(f"ADD JAR '{path}'")
    except PySparkException as error:
        package = f"{jar.group}:{jar.artifact}:{jar.version}"
        raise SessionError(
            f"the session takes no {jar.file_name} while it runs ({error}): start it with --packages {package}, "
            f"or set spark.jars.packages: {package}"
        ) from error


def stop(spark: SparkSession) -> None:
    """Stop the session, and its JVM where `get_spark` started it; return when it is gone.

    Unlike `spark.stop()` alone it leaves nothing behind: the next `get_spark` starts afresh, with another
    class path, memory or address if asked.
    """
    is_remote = is_connect(spark)
    has_jvm = not is_remote or "SPARK_LOCAL_REMOTE" in os.environ
    spark.stop()
    if is_remote:
        os.environ.pop("SPARK_CONNECT_MODE_ENABLED", None)  # else PySpark refuses a classic session for good
    if has_jvm:
        driver.end(timeout=30)


@contextlib.contextmanager
def settled(spark: SparkSession) -> Iterator[None]:
    """Hold an error raised in the block until Spark's tasks have ended: they may write for seconds more."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            progress.settle(None if is_connect(spark) else spark._jsc.sc().statusTracker())
        raise


@contextlib.contextmanager
def task_progress(spark: SparkSession, report: Callable[[int, int], None]) -> Iterator[None]:
    """Call `report(done_tasks, known_tasks)` about 5 times a second while the block runs, and at its end.

    The counts are of all jobs that run on the session meanwhile. `known_tasks` grows as Spark plans stages
    and falls where it skips some; `done_tasks` reaches it. A classic session is asked from a thread of its
    own; a Connect server tells of itself, as often as it is set to. Where neither exists nothing is called.
    Nothing is raised, and a `report` that raises is not called again.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(Exception):
            if is_connect(spark):
                stack.enter_context(progress.reported(spark, report))
            else:
                stack.enter_context(progress.tracked(spark.sparkContext.statusTracker(), report))
        yield


def _active_session() -> SparkSession | None:
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        # active() and not getActiveSession(), which knows nothing of sessions that another thread started.
        spark = SparkSession.active()
    except PySparkRuntimeError:
        return None
    is_over = spark.is_stopped if is_connect(spark) else spark.sparkContext._jsc is None  # type: ignore[attr-defined]
    return None if is_over else spark


def _is_another(active: SparkSession, master: str | None, remote: str | None) -> bool:
    """Whether a session of its own can be opened beside `active`: PySpark allows that only between Connect servers.

    Raises SessionError where the session asked for excludes the one that runs.
    """
    if master is None and remote is None:
        return False
    if is_connect(active):
        here = connect.address_of(active) or "a Connect server"
        if remote is not None and (remote == here or not (remote + here).startswith("local")):
            return remote != here
    else:
        here = str(active.sparkContext.master)
        if master == here:
            return False
    raise SessionError(
        f"a session on {here} runs, and PySpark has one at a time: end it with genspark.session.stop(spark) "
        f"before asking for {master or remote}"
    )


def _with_conf(spark: SparkSession, wanted: Mapping[str, str]) -> SparkSession:
    refused = set_conf(spark, wanted)
    if refused:
        _log.warning("the session runs already, so these settings have no effect: %s", ", ".join(refused))
    return spark


def _of_databricks(wanted: Mapping[str, str]) -> SparkSession:
    from pyspark.sql import SparkSession

    return _with_conf(SparkSession.builder.getOrCreate(), wanted)


def _launch_conf(app_name: str, master: str, wanted: Mapping[str, str], *, quick: bool) -> dict[str, str]:
    java, home = jvm.find_java(), driver.spark_home()
    delta = () if jvm.brings_delta(wanted, home) else driver.delta_jars()
    recorded = archive.archive_path(java, home, delta)
    options = jvm.java_options(quick=quick, archive=recorded if recorded.is_file() else None)
    return jvm.launch_conf(app_name, master, wanted, warehouse=driver.scratch(), delta=delta, options=options)


def _quick_by_default() -> bool:
    return os.environ.get("GENSPARK_QUICK", "").lower() in ("1", "true", "yes")


def qualified(spark: SparkSession, path: str) -> str:
    """The URI that Spark resolves a path to: `out/x` is on the cluster's default file system.

    On Connect, where the server's file system is out of sight, a path without a scheme is made
    absolute by this process's folder: right for a server on this machine.
    """
    if "://" in path:
        return path
    if is_connect(spark):
        return os.path.abspath(path)
    jvm: Any = spark._jvm
    conf = spark._jsc.hadoopConfiguration()
    hadoop_path = jvm.org.apache.hadoop.fs.Path(path)
    whole = str(hadoop_path.getFileSystem(conf).makeQualified(hadoop_path).toString())
    return whole.removeprefix("file:") if whole.startswith("file:/") else whole
