"""`jobs/preprocess.py` by the real spark-submit, on executors that have nothing of this environment."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from environments import REPOSITORY, STEPS, archive, clean, environment, requirements, wheel
from standalone import Cluster, cluster, submit

from genspark import JobConfig, run
from genspark.job.report import RunReport

pytestmark = [pytest.mark.slow, pytest.mark.classic]
SHARDS, ROWS = 16, 20_000
JOB = "\n".join(
    [
        "name: cluster",
        "engine: {engine}",
        "source: {{path: '{work}/in', format: csv, split_size: 1, schema: 'id long, v double, u double, g string'}}",
        STEPS,
        "sink: {{path: '{work}/{engine}', mode: overwrite, partition_by: [split]}}",
    ]
)
PROBE = """
import json, sys
from genspark.session import get_spark

def look(batches):
    import sys
    import pyarrow as pa
    import genspark, polars
    for _ in batches:
        yield pa.record_batch([pa.array([sys.prefix, genspark.__file__, polars.__file__])], names=["place"])

spark = get_spark()
places = {row.place for row in spark.range(0, 8, 1, 8).mapInArrow(look, "place string").collect()}
print(json.dumps(sorted(places)))
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all machines of the cluster see: shards, tables, and what is shipped."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "in").mkdir()
    for number in range(SHARDS):
        chance = np.random.default_rng(number)
        frame = pl.DataFrame(
            {
                "id": range(number * ROWS, (number + 1) * ROWS),
                "v": [None if value > 90 else value for value in chance.integers(0, 100, ROWS).tolist()],
                "u": chance.standard_normal(ROWS).round(3),
                "g": chance.choice(["a", "b"], ROWS),
            },
            schema={"id": pl.Int64, "v": pl.Float64, "u": pl.Float64, "g": pl.String},
        )
        (folder / "in" / f"{number:02}.csv.gz").write_bytes(gzip.compress(frame.write_csv().encode(), 1))
    return folder


@pytest.fixture(scope="module")
def shipped(work: Path) -> list[str]:
    """The options of spark-submit that bring genspark, its dependencies and their Python to the executors."""
    python = environment("executors", requirements())
    return [
        *("--py-files", str(wheel(work))),
        *("--archives", f"{archive(python)}#environment"),
        *("--conf", "spark.pyspark.python=./environment/bin/python"),
        *("--conf", f"spark.pyspark.driver.python={sys.executable}"),
    ]


@pytest.fixture(scope="module")
def here(work: Path) -> RunReport:
    """The report of the same job in this process, on engine `polars`."""
    return run(JobConfig.from_text(JOB.format(engine="polars", work=work)))


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), clean()) as started:
        yield started


def submitted(work: Path, there: Cluster, shipped: list[str], *program: str, kills: Path | None = None) -> str:
    """What the program printed, in a run of which one executor is killed once a file is in the folder `kills`."""
    settings = {
        "spark.executor.memory": "512m",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.files.minPartitionNum": "16",
        "spark.sql.files.openCostInBytes": "1",
    }
    options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    command = ["--master", there.master, *options, *shipped, *program]
    process = submit(command, clean(GENSPARK_SHARED=str(work), GENSPARK_QUICK="1"), work)
    killed = None
    deadline = time.monotonic() + 400
    while process.poll() is None:
        assert time.monotonic() < deadline, (work / "said.txt").read_text()[-3000:]
        if kills and killed is None and any(kills.rglob("*.parquet*")):
            killed = there.executors()[0]
            killed.kill()
        time.sleep(0.005)
    said = (work / "said.txt").read_text(encoding="utf-8", errors="replace")
    assert process.returncode == 0, said[-5000:]
    assert bool(kills) == (killed is not None)
    return (work / "out.txt").read_text(encoding="utf-8")


def test_the_wheel_is_a_zip_that_python_imports(tmp_path: Path) -> None:
    zipped = wheel(tmp_path)
    code = "import genspark.job.runners.work, genspark.sinks.on_spark.arrow_writer, genspark; print(genspark.__file__)"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=clean(PYTHONPATH=str(zipped)), cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.stdout.strip() == f"{zipped}/genspark/__init__.py", ran.stderr
    with zipfile.ZipFile(zipped) as archive:
        (metadata,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
    needed = re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)
    # As an extra it may still be asked for.
    assert "delta-spark" not in metadata
    assert not any(name.startswith(("pyspark<", "pyspark>")) for name in needed)


@pytest.mark.exhaustive
def test_executors_have_what_was_shipped_and_nothing_else(work: Path, two_workers: Cluster, shipped: list[str]) -> None:
    (work / "probe.py").write_text(PROBE)
    places = json.loads(submitted(work, two_workers, shipped, str(work / "probe.py")).splitlines()[-1])
    assert "./genspark.zip/genspark/__init__.py" in places
    # Of each of the two executors the environment, and where Polars is from.
    unpacked = [place for place in places if "/environment" in place]
    assert (len(unpacked), len(places)) == (4, 5)
    assert all(str(two_workers.folder) in place for place in unpacked)


@pytest.mark.exhaustive
@pytest.mark.parametrize("engine", ["spark-polars", "spark"])
def test_a_job_survives_an_executor(
    work: Path, two_workers: Cluster, shipped: list[str], here: RunReport, engine: str
) -> None:
    conf = work / f"{engine}.yaml"
    conf.write_text(JOB.format(engine=engine, work=work))
    program = [str(REPOSITORY / "jobs" / "preprocess.py"), str(conf), "--json"]
    said = submitted(work, two_workers, shipped, *program, kills=work / engine)
    report = json.loads(said.splitlines()[-1])
    assert report["engine"] == engine
    assert report["rows_written"] == here.rows_written
    assert report["rows_quarantined"] == here.rows_quarantined > 0
    assert rows(work / engine).equals(rows(work / "polars"))


def rows(table: Path) -> pl.DataFrame:
    """The rows in the order of their key, with numbers rounded to what merging in another order may change."""
    frame = pl.read_delta(str(table)).sort("id")
    return frame.select(sorted(frame.columns)).with_columns(pl.col("u", "v").round(9))
