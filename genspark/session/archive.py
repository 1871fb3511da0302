"""The class archive: Spark's classes, parsed and verified once and mapped into every later driver JVM.

Of the 8 seconds to a session most go into loading some 20,000 classes; with the archive 3 to 4 are left.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from genspark.session import driver, jars, jvm


def archive_path(java: jvm.Java, spark_home: Path, delta: Sequence[Path]) -> Path:
    """The path of the archive for exactly this Java and this class path, whether or not it exists.

    The JVM holds an archive to its own build and to path, size and time of each jar, in order, and
    silently goes without where one differs. All of them go into the name, so that a stale archive is
    never taken for a good one. The first part of the name stands for the place alone: archives that share
    it are of one environment, and only the newest is of use.
    """
    names = (entry.path for entry in os.scandir(spark_home / "jars"))  # unsorted, as the JVM expands jars/*
    class_path = [_stamp(Path(name)) for name in (*map(str, delta), *names)]
    place = _digest([str(spark_home)])[:8]
    content = _digest([str(java.command.resolve()), java.build, *class_path])[:16]
    return jars.cache_folder() / f"classes-{place}-{content}.jsa"


def prepare() -> Path | None:
    """Fetch the jars and record the class archive, where they are absent; takes 0.2 seconds where they are there.

    Returns the archive, or None where the JVM would not write one: sessions then only start slower. One
    archive (200 MB) serves quick sessions and others alike. It replaces those that this environment had
    with other jars or another Java.

    Raises:
        SessionError: no pyspark, no Java 17, or the jars cannot be fetched.

    """
    java = jvm.find_java()
    absent = jars.missing_jars()
    if absent:
        say(f"fetching {len(absent)} Delta jars (13 MB in all) into {jars.cache_folder()}")
    archive = archive_path(java, driver.spark_home(), driver.delta_jars())
    if archive.is_file():
        return archive
    say("recording Spark's classes, so that sessions start faster (once, up to a minute)")
    if not _record(archive):
        return None
    place = archive.name.rsplit("-", 1)[0]
    for other in archive.parent.glob(f"{place}-*.jsa"):
        if other != archive:
            other.unlink(missing_ok=True)
    return archive


def say(line: str) -> None:
    """Print one line on standard error for the person who waits."""
    sys.stderr.write(f"genspark: {line}\n")
    sys.stderr.flush()


def _record(archive: Path) -> bool:
    """Run a small session in another process, whose JVM writes the archive when it ends."""
    program = "import sys; from genspark.session.archive import _run_recorded; _run_recorded(sys.argv[1])"
    # A folder, and not a temporary file: the JVM does not write over a file that is there.
    folder = Path(tempfile.mkdtemp(prefix=".recording-", dir=archive.parent))
    written = folder / archive.name
    try:
        run = subprocess.run(  # noqa: S603 - this very Python
            [sys.executable, "-c", program, written], capture_output=True, text=True, timeout=600, check=False
        )
        if not written.is_file():
            reason = (run.stderr.strip() or "it gave no reason").splitlines()[-1]
            say(f"the JVM wrote no class archive ({reason}): sessions will start a little slower")
            return False
        written.replace(archive)  # so that of two processes at once each sees a whole archive or none
        return True
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_recorded(target: str) -> None:
    """Do a little of everything that jobs do: the archive holds the classes that are loaded here."""
    options = jvm.java_options(quick=True, record=Path(target))
    conf = jvm.launch_conf(
        "genspark-prepare",
        "local[2]",
        {},
        warehouse=driver.scratch(),
        delta=driver.delta_jars(),
        options=options,
    )
    spark = driver.launch(conf)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "rows.csv").write_text("a,b\n1,x\n2,y\n3,x\n", encoding="utf-8")
        rows = spark.read.csv(f"{folder}/rows.csv", header=True, inferSchema=True)
        rows.write.format("delta").partitionBy("b").save(f"{folder}/table")
        rows.write.format("delta").mode("append").partitionBy("b").save(f"{folder}/table")
        table = spark.read.format("delta").load(f"{folder}/table")
        table.groupBy("b").agg({"a": "avg"}).join(rows, "b").orderBy("a").collect()
        table.mapInArrow(lambda batches: batches, "a int, b string").write.parquet(f"{folder}/parquet")
        spark.read.parquet(f"{folder}/parquet").toPandas()
    spark.stop()
    driver.end(timeout=300)


def _stamp(jar: Path) -> str:
    status = jar.stat()
    return f"{jar}:{status.st_size}:{status.st_mtime_ns}"


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
