"""The start of a session: its Java, memory, settings and class archive.

Nothing here starts Spark or imports pyspark, so all of it can be tested without either.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genspark.errors import SessionError
from genspark.storage.memory import available_memory

WRITER_CONF: Mapping[str, str] = {
    # A task that meets several partition values keeps a file open for each of up to 32; without this it
    # first sorts its rows by partition.
    "spark.sql.maxConcurrentOutputFileWriters": "32",
    # Random numbers gain nothing from a dictionary, and trying one takes a third of the write. A column of
    # few values can have its own: `parquet.enable.dictionary#<column>`.
    "spark.hadoop.parquet.enable.dictionary": "false",
    # Row groups of 64 MiB: training reads and shuffles by them, and 32 open files at 128 fill the heap.
    "spark.hadoop.parquet.block.size": str(64 * 1024**2),
}

DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
IMPLEMENTATION = "spark.sql.catalogImplementation"
"""The setting that says whether the session's own catalog is in memory, or Hive's."""
_DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"

OLDEST_JAVA = 17
_INSTALL_JAVA = (
    "install it (Debian/Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17; "
    "conda: conda install openjdk=17), or set JAVA_HOME"
)
_LOG_CONFIGURATION = Path(__file__).with_name("log4j2.properties")
_GIB = 1024**3


@dataclass(frozen=True)
class Java:
    """A Java runtime: the command, its major version (17) and a text that tells one build from another."""

    command: Path
    major: int
    build: str


def find_java(environment: Mapping[str, str] = os.environ) -> Java:
    """Find the Java that Spark's own scripts will run: `$JAVA_HOME/bin/java`, else `java` on the PATH.

    Raises:
        SessionError: there is none, it does not run, or it is older than 17.

    """
    home = environment.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else environment.get("PATH", ""))
    if java is None:
        where = f" in JAVA_HOME={home}" if home else ""
        raise SessionError(f"Spark needs a Java {OLDEST_JAVA} runtime and none was found{where}: {_INSTALL_JAVA}")
    build = _release(Path(java)) or _printed_version(Path(java))
    major = java_major(build)
    if major is None or major < OLDEST_JAVA:
        fault = "does not run" if major is None else f"is Java {major}"
        raise SessionError(f"Spark needs a Java {OLDEST_JAVA} runtime, and {java} {fault}: {_INSTALL_JAVA}")
    return Java(Path(java), major, build)


def java_major(build: str) -> int | None:
    """The major version: 17 of `JAVA_VERSION="17.0.15"` or `openjdk version "17.0.15"`, 8 of `"1.8.0_402"`, or None."""
    match = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', build)
    return int(match[1]) if match else None


def _release(java: Path) -> str:
    """The `release` file of the runtime: reading it saves the 0.1 s of running `java -version`."""
    try:
        text = (java.resolve().parent.parent / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text if java_major(text) is not None else ""


def _printed_version(java: Path) -> str:
    """The output of `java -version`; on macOS `/usr/bin/java` may be no Java at all, which only running it shows."""
    try:
        return subprocess.run(  # noqa: S603 - the Java that Spark itself would run
            [java, "-version"], capture_output=True, text=True, timeout=60, check=False
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return ""


def driver_memory(available: int | None = None) -> str:
    """Half of the machine's free memory as Spark writes it (`"6144m"`), between 1 and 31 GiB.

    The other half is for the Python workers, whose Polars and Arrow memory lies outside the JVM. From
    32 GiB on the JVM gives up 32-bit pointers: it would then hold less, and the class archive would not
    fit it.
    """
    free = available_memory() if available is None else available
    heap = min(max(free // 2, 1 * _GIB), 31 * _GIB)
    return f"{heap // 1024**2}m"


def is_local(master: str) -> bool:
    """Whether the executor is the driver's own JVM: `local`, `local[4]`; `local-cluster[...]` is not."""
    return master == "local" or master.startswith("local[")


def cores(master: str) -> int | None:
    """The number of tasks that run at once: 4 for `local[4]`, 2 for `local-cluster[2,1,1024]`, None where unknown."""
    if master == "local":
        return 1
    match = re.fullmatch(r"local(-cluster)?\[([^\]]+)\]", master)
    if match is None:
        return None
    numbers = [part.strip() for part in match[2].split(",")]
    try:
        if match[1]:
            return int(numbers[0]) * int(numbers[1])
        return usable_cores() if numbers[0] == "*" else int(numbers[0])
    except (IndexError, ValueError):
        return None


def usable_cores() -> int:
    """The processors that this process is allowed, which in a container is fewer than the machine's."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def session_conf(master: str, warehouse: Path) -> dict[str, str]:
    """The settings of every session that genspark opens, whoever started its JVM."""
    conf = {
        # PySpark notes the call site of every column operation, which triples the cost of wide expressions.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        # Spark gives up on generating code for more than 100 fields, which 20 columns of moments have.
        "spark.sql.codegen.maxFields": "5000",
        # The JVM never compiles a method of more than 8000 bytes of bytecode: better several short ones.
        "spark.sql.codegen.hugeMethodLimit": "8000",
        "spark.sql.session.timeZone": "UTC",  # the same rows from the same input on every machine
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **WRITER_CONF,
    }
    count = cores(master)
    if count is not None:  # this machine alone: Spark's defaults of 200 and 50 small tasks cost half a minute
        conf["spark.sql.shuffle.partitions"] = str(count)
        conf["spark.databricks.delta.snapshotPartitions"] = str(min(count, 2))
        # The catalog is in memory and ends with the session: so do its tables, and no folder stays behind.
        conf["spark.sql.warehouse.dir"] = warehouse.as_uri()
    return conf


def delta_conf(present: Mapping[str, str]) -> dict[str, str]:
    """The settings that Delta needs beside those `present`: its extension, and its catalog if none is set."""
    extensions = [name for name in present.get("spark.sql.extensions", "").split(",") if name]
    if DELTA_EXTENSION not in extensions:
        extensions.append(DELTA_EXTENSION)
    catalog = present.get("spark.sql.catalog.spark_catalog", _DELTA_CATALOG)
    return {"spark.sql.extensions": ",".join(extensions), "spark.sql.catalog.spark_catalog": catalog}


def brings_delta(config: Mapping[str, str], spark_home: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the settings put the user's own Delta on the class path, where a second one would conflict."""
    if any((spark_home / "jars").glob("delta-spark*.jar")):
        return True
    keys = ("spark.jars", "spark.jars.packages", "spark.driver.extraClassPath")
    texts = [environment.get("PYSPARK_SUBMIT_ARGS", ""), *(config.get(key, "") for key in keys)]
    return any("delta-spark" in text for text in texts)


def launch_conf(
    app_name: str,
    master: str,
    config: Mapping[str, str],
    *,
    warehouse: Path,
    delta: Sequence[Path],
    options: str,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """All settings of a new driver JVM; `config` wins, and adds to class path and options.

    `delta` goes on the class path by the driver's own option: three seconds faster than `spark.jars`,
    which copies each jar and loads it beside the JVM's class archive. Executors in other JVMs need both.
    """
    conf = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **session_conf(master, warehouse),
    }
    if config.get(IMPLEMENTATION) == "hive":
        # It keeps its tables, in a folder of its owner's choice.
        conf.pop("spark.sql.warehouse.dir", None)
    conf |= {"spark.app.name": app_name, **config, "spark.master": master}
    conf |= delta_conf(conf)
    conf["spark.driver.extraJavaOptions"] = " ".join(filter(None, [options, conf.get("spark.driver.extraJavaOptions")]))
    class_path = [*map(str, delta), conf.get("spark.driver.extraClassPath", "")]
    conf["spark.driver.extraClassPath"] = os.pathsep.join(filter(None, class_path))
    if "SPARK_DRIVER_MEMORY" not in environment:
        conf.setdefault("spark.driver.memory", driver_memory())
    if master.startswith("local"):
        # Nobody else connects: so no look-up of the host's name, and no port open to the network.
        conf.setdefault("spark.driver.host", "127.0.0.1")
        conf.setdefault("spark.driver.bindAddress", "127.0.0.1")
    if not is_local(master):
        conf["spark.jars"] = ",".join(filter(None, [conf.get("spark.jars", ""), *map(str, delta)]))
    return {key: value for key, value in conf.items() if value}


def java_options(*, quick: bool, archive: Path | None = None, record: Path | None = None) -> str:
    """The JVM's options as `spark.driver.extraJavaOptions` wants them: one text, quoted where needed.

    `archive` is a class archive to load from, `record` one to write when the JVM ends. The JVM prints
    warnings of its own on stdout where an archive does not fit: its log is closed but for errors.
    """
    options = [
        f"-Dlog4j2.configurationFile={_LOG_CONFIGURATION.as_uri()}",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
    ]
    if quick:
        options.append("-XX:TieredStopAtLevel=1")
    if record is not None:
        options.append(f"-XX:ArchiveClassesAtExit={record}")
    elif archive is not None:
        options += [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto"]
    return " ".join(f'"{option}"' if " " in option else option for option in options)
