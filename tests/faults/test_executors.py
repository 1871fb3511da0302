"""An executor that is killed while it writes: the job ends well or says what happened, and a rerun is right."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from delta_logs import Log
from evidence import Before, wrong
from fault_jobs import Case, Place
from genspark_runs import Look, run_here, watched
from live_readers import Readers

from genspark.session import driver

ON_CLUSTER = """
import sys
from genspark.cli import main
from genspark.session import get_spark

# Tasks of a few rows each, or the first file would be the last; and JVMs that are not worth compiling for.
settings = {
    "spark.sql.files.minPartitionNum": "12",
    "spark.sql.files.openCostInBytes": "1",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}
get_spark("faults", master="local-cluster[2,1,1024]", config=settings)
sys.exit(main(sys.argv[1:]))
"""


EXECUTOR = "CoarseGrainedExecutorBackend"
CASE = Case((0,), (1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 5, 6), "mode: append", rows=20_000)


@dataclass
class OneExecutor:
    """Kills an executor's JVM once a file has appeared in the table's folder, and tells which."""

    table: Path
    killed: int | None = None
    _before: set[Path] = field(init=False)

    def __post_init__(self) -> None:
        self._before = self._files()

    def __call__(self, look: Look) -> bool:
        if self.killed is None and self._files() - self._before:
            executor = next(_executors(look.process))
            executor.kill()
            self.killed = executor.pid
        return False

    def _files(self) -> set[Path]:
        return set(self.table.glob("g=*/*.parquet"))


def _executors(run: psutil.Process) -> Iterator[psutil.Process]:
    for process in run.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(EXECUTOR in word for word in process.cmdline()):
                yield process


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of Spark's in which the logs of executors may lie, all else of it being that of the pyspark installed."""
    home = tmp_path / "spark"
    home.mkdir()
    for entry in driver.spark_home().iterdir():
        if entry.name != "work":
            (home / entry.name).symlink_to(entry)
    return home


@pytest.mark.slow
@pytest.mark.classic
@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(
    "engine",
    [
        "spark",
        pytest.param("spark-delta", marks=[pytest.mark.on_spark, pytest.mark.exhaustive]),
        pytest.param("spark-polars", marks=pytest.mark.exhaustive),
    ],
)
def test_an_executor_that_is_killed(tmp_path: Path, home: Path, engine: str) -> None:
    place, case = Place(tmp_path / "work"), CASE
    place.prepare(case, engine, run_here)
    before, kill = Before.of(place), OneExecutor(place.table)
    with Readers(place.table, case.visible()) as readers:
        ran = watched(place.conf, kill, (sys.executable, "-c", ON_CLUSTER), {"SPARK_HOME": str(home)})
        assert kill.killed is not None, ran.said
        if ran.code == 0:
            assert wrong(place, case, before, ran.report) == []
        else:
            assert (ran.code, Log.read(place.table).version) == (1, before.table), ran.said
            assert "Traceback" not in ran.said
        report = run_here(place.conf)
    assert readers.surprises == []
    assert wrong(place, case, before, report) == []
