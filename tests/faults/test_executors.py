"""An executor that is killed while it writes: the job ends well or says what happened, and a rerun is right."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

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

# Tasks of a few rows each, or the first file would be the last.
small = {"spark.sql.files.minPartitionNum": "12", "spark.sql.files.openCostInBytes": "1"}
get_spark("faults", master="local-cluster[2,1,1024]", config=small)
sys.exit(main(sys.argv[1:]))
"""


EXECUTOR = "CoarseGrainedExecutorBackend"
CASE = Case((0,), (1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 5, 6), "mode: append", rows=50_000)


@dataclass
class OneExecutor:
    """Kills an executor's JVM once the first file of the run has appeared."""

    killed: list[int] = field(default_factory=list)

    def __call__(self, look: Look) -> bool:
        if look.changes and not self.killed:
            started = look.process.children(recursive=True)
            executor = next(one for one in started if any(EXECUTOR in word for word in one.cmdline()))
            executor.kill()
            self.killed.append(executor.pid)
        return False


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
    before, kill = Before.of(place), OneExecutor()
    with Readers(place.table, case.visible()) as readers:
        ran = watched(place.conf, kill, (sys.executable, "-c", ON_CLUSTER), {"SPARK_HOME": str(home)})
        assert kill.killed, ran.said
        if ran.code == 0:
            assert wrong(place, case, before, ran.report) == []
        else:
            assert (ran.code, Log.read(place.table).version) == (1, before.table), ran.said
            assert "Traceback" not in ran.said
        report = run_here(place.conf)
    assert readers.surprises == []
    assert wrong(place, case, before, report) == []
