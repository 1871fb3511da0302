"""A standalone cluster of Spark's own on loopback: a Master and Workers, each a JVM started by `spark-class`."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from genspark.session import driver

_MASTER, _WORKER = (f"org.apache.spark.deploy.{name}" for name in ("master.Master", "worker.Worker"))
_STARTED = re.compile(r"Starting Spark master at (spark://\S+)")
_ALIVE = re.compile(r"Registering worker ")
EXECUTOR = "CoarseGrainedExecutorBackend"
_LONGEST = 90


@dataclass(frozen=True)
class Cluster:
    """The address of the master, the processes of the workers, and the folder in which they work."""

    master: str
    folder: Path
    workers: tuple[psutil.Popen, ...]

    def executors(self) -> list[psutil.Process]:
        """The executors that run now, each a child of a worker's."""
        found = []
        for worker in self.workers:
            for process in worker.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if any(EXECUTOR in word for word in process.cmdline()):
                        found.append(process)
        return found


@contextlib.contextmanager
def cluster(folder: Path, environment: dict[str, str], workers: int = 2) -> Iterator[Cluster]:
    """Start a master and workers of one core each; end them with the block. Their logs are in the folder."""
    home = driver.spark_home()
    environment = {**environment, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    with contextlib.ExitStack() as stack:

        def start(name: str, *arguments: str) -> psutil.Popen:
            with (folder / f"{name}.log").open("wb") as log:
                process = psutil.Popen(
                    [str(home / "bin" / "spark-class"), *arguments],
                    env=environment,
                    cwd=folder,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            stack.callback(end, process)
            return process

        start("master", _MASTER, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        master = _waited(folder / "master.log", _STARTED)[0]
        place = ("--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g")
        started = []
        for number in range(workers):
            work = folder / f"work-{number}"
            started.append(start(f"worker-{number}", _WORKER, *place, "--work-dir", str(work), master))
        _waited(folder / "master.log", _ALIVE, workers)
        yield Cluster(master, folder, tuple(started))


def submit(arguments: list[str], environment: dict[str, str], folder: Path) -> psutil.Popen:
    """Start the real spark-submit. `said.txt` in the folder gets what it says, `out.txt` what its program prints."""
    home = driver.spark_home()
    with (folder / "said.txt").open("wb") as said, (folder / "out.txt").open("wb") as out:
        return psutil.Popen(
            [str(home / "bin" / "spark-submit"), *arguments],
            env={**environment, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"},
            cwd=folder,
            stdout=out,
            stderr=said,
        )


def _waited(log: Path, pattern: re.Pattern[str], count: int = 1) -> list[str]:
    for _ in range(_LONGEST * 10):
        found = pattern.findall(log.read_text(encoding="utf-8", errors="replace"))
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{log} does not tell of {pattern.pattern}: {log.read_text(errors='replace')[-2000:]}")


def end(process: psutil.Popen) -> None:
    """End a process with all its children, which it started in a session of its own."""
    for each in [*process.children(recursive=True), process]:
        with contextlib.suppress(psutil.Error):
            each.kill()
    process.wait(30)
