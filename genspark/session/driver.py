"""The driver JVM: start one, use one that runs already, end it. Private to `genspark.session`."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspark.errors import SessionError
from genspark.session import jars, jvm

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

# What a JVM prints whatever its options, and log4j knows nothing of: at every start, since Spark asks for the vector
# module, and at the first sketch of quantiles, by DataSketches on any Java above 11.
_JVM_NOISE = (b"WARNING: Using incubator modules", b"Warning: Java versions > Java 11 can only operate in restricted")


def require_pyspark() -> None:
    """Raise SessionError where pyspark is not installed."""
    try:
        import pyspark  # noqa: F401
    except ImportError as error:
        raise SessionError(f"Spark is not installed ({error}): pip install 'pyspark==4.2.0'") from error


def delta_jars() -> tuple[Path, ...]:
    """The cached Delta jars for the pyspark that is installed."""
    require_pyspark()
    from pyspark import __version__

    return jars.delta_jars(__version__)


def spark_home() -> Path:
    """`SPARK_HOME`, else the pyspark package."""
    require_pyspark()
    from pyspark.find_spark_home import _find_spark_home

    home = Path(_find_spark_home())
    if not (home / "jars").is_dir():
        raise SessionError(f"SPARK_HOME={home} holds no jars folder: unset it, pip's pyspark brings its own Spark")
    return home


def scratch() -> Path:
    """Make a folder that is removed when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="genspark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def prepare_python() -> None:
    """Set what this process needs before a session starts in it.

    Workers run the PATH's python unless told otherwise, and there even a plain UDF finds no pyarrow. And
    PySpark prints each failed query as a line of JSON, stack and all, beside raising it.
    """
    from pyspark.logger import PySparkLogger

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True


def is_running() -> bool:
    """Whether this process has a driver JVM: spark-submit's, or one whose session was stopped."""
    if is_submitted():
        return True
    from pyspark import SparkContext

    return SparkContext._gateway is not None


def is_submitted() -> bool:
    """Whether spark-submit runs this process."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def submitted_master() -> str:
    """The master that spark-submit was given, under which this process runs."""
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()
    return SparkConf().get("spark.master", "local") or "local"


def launch(conf: Mapping[str, str]) -> SparkSession:
    """Start a classic session in a new JVM.

    Raises:
        SessionError: the JVM or the session in it did not start.

    """
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    prepare_python()
    settings = list(conf.items())
    gateway = _start_jvm(SparkConf(loadDefaults=False).setAll(settings))
    try:
        SparkContext(conf=SparkConf().setAll(settings), gateway=gateway)
        return SparkSession.builder.getOrCreate()
    except Exception as error:
        reason = str(getattr(error, "java_exception", None) or error)  # the JVM tells it: so before its end
        end(timeout=10)
        raise SessionError(f"no Spark session on {conf['spark.master']}: {reason}") from error


def submitted(app_name: str, master: str | None, config: Mapping[str, str]) -> SparkSession:
    """Open a classic session in the running JVM, with the settings submitted; Delta is added where it is absent.

    Raises:
        SessionError: Delta is not there and cannot be added.

    """
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    SparkContext._ensure_initialized()
    conf = SparkConf()  # with a JVM to ask, this holds what was submitted
    before = dict(conf.getAll())
    if not is_submitted():  # then it holds what the stopped session had: neither its place nor its settings
        before = {"spark.master": master} if master else {}
    where = config.get("spark.master") or before.get("spark.master") or "local[*]"
    if not where.startswith(("yarn", "k8s")):  # their workers have other files than this machine
        prepare_python()
    settings = {"spark.app.name": app_name, **jvm.session_conf(where, scratch()), **before, **config}
    settings |= {"spark.master": where, **jvm.delta_conf(settings)}
    conf.setAll(list(settings.items()))
    _load_delta(conf)
    return SparkSession.builder.config(conf=conf).getOrCreate()


def connect_port() -> int:
    """The port of the Connect server in the JVM of this process."""
    from pyspark import SparkContext

    view: Any = SparkContext._jvm
    service = getattr(view, "org.apache.spark.sql.connect.service.SparkConnectService$")
    return int(getattr(service, "MODULE$").localPort())


def end(timeout: float) -> None:
    """Close the pipe that the JVM lives by, wait `timeout` seconds for its end, then kill it.

    spark-submit's JVM is left alone: that one runs this process, not the other way round.
    """
    from pyspark import SparkContext

    gateway: Any = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    if process is None:
        return
    gateway.shutdown()
    process.stdin.close()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
    SparkContext._gateway = SparkContext._jvm = None


def _start_jvm(conf: SparkConf) -> Any:
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    said: deque[str] = deque(maxlen=3)
    reading, writing = os.pipe()
    thread = threading.Thread(target=_pass_on, args=(reading, said), name="genspark-jvm-stderr", daemon=True)
    thread.start()
    failure: Exception | None = None
    try:
        return launch_gateway(conf, {"stderr": writing})  # type: ignore[no-untyped-call]
    except PySparkRuntimeError as error:
        failure = error
    finally:
        os.close(writing)  # the JVM holds the other copy: the thread ends with it
    thread.join(timeout=2)
    raise SessionError(f"the driver JVM did not start: {'; '.join(said) or 'it gave no reason'}") from failure


def _pass_on(reading: int, said: deque[str]) -> None:
    """Pass on the JVM's stderr without uninformative lines; `said` keeps the last lines that are no stack frames."""
    with os.fdopen(reading, "rb") as stream, contextlib.suppress(OSError):
        for line in stream:
            if line.startswith(_JVM_NOISE):
                continue
            os.write(2, line)
            if not line.startswith((b"\tat ", b"\t...")):
                said.append(line.decode(errors="replace").strip())


def _load_delta(conf: SparkConf) -> None:
    """Put the cached jars on the running JVM's class path where Delta is not on it.

    spark-submit runs its application under a class loader that takes more jars, as it does for `--jars`;
    it must have them before the first session loads its extensions. Executors fetch them from the driver.
    """
    from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]
    from pyspark import SparkContext

    view: Any = SparkContext._jvm
    loader = view.java.lang.Thread.currentThread().getContextClassLoader()

    def is_loadable() -> bool:
        try:
            loader.loadClass(jvm.DELTA_EXTENSION)
        except Py4JJavaError:
            return False
        return True

    if is_loadable():
        return
    try:
        paths = delta_jars()
        for path in paths:
            loader.addURL(view.java.io.File(str(path)).toURI().toURL())
    except Py4JError as error:
        raise SessionError(_submit_with_delta("its class loader takes no more jars")) from error
    except SessionError as error:
        raise SessionError(_submit_with_delta(str(error))) from error
    if not is_loadable():
        raise SessionError(_submit_with_delta("the jars do not load"))
    if not jvm.is_local(conf.get("spark.master") or ""):
        conf.set("spark.jars", ",".join(filter(None, [conf.get("spark.jars"), *map(str, paths)])))


def _submit_with_delta(reason: str) -> str:
    return (
        f"Delta Lake is not on this application's class path and could not be added ({reason}): "
        f"pass --packages {jars.DELTA_PACKAGE} to spark-submit, or its jars with --jars"
    )
