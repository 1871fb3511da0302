"""Engine `spark-polars` on a Sail server gives the table of engine `polars`; engine `spark` is refused there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest
from environments import REPOSITORY, STEPS, clean
from standalone import end

from genspark import JobConfig, run

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
SERVER = """
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address[1], flush=True)
import threading
threading.Event().wait()
"""
JOB = "\n".join(
    [
        "name: sail",
        "engine: {engine}",
        "source: {{path: '{work}/in', format: {format}, split_size: 1}}",
        STEPS,
        "sink: {{path: '{work}/{engine}-{format}', partition_by: [split]}}",
    ]
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("sail") / "said.txt"
    with log.open("wb") as said:
        process = psutil.Popen(
            [sys.executable, "-c", SERVER], env=clean(PYTHONPATH=str(REPOSITORY)), stdout=said, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(300):
            if found := re.search(r"^(\d+)$", log.read_text(), re.MULTILINE):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        assert found
        yield f"sc://127.0.0.1:{found[1]}"
    finally:
        end(process)


def on_sail(server: str, conf: Path, work: Path) -> subprocess.CompletedProcess[str]:
    variables = clean(PYTHONPATH=str(REPOSITORY), SPARK_REMOTE=server, GENSPARK_SHARED=str(work), PATH="/nowhere")
    variables.pop("JAVA_HOME", None)
    command = [sys.executable, "-m", "genspark.cli", "run", str(conf), "--json", "-q"]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_table_is_that_of_polars(server: str, tmp_path: Path, kind: str) -> None:
    (tmp_path / "in").mkdir()
    for number in range(6):
        chance = np.random.default_rng(number)
        values = [None if value > 90 else float(value) for value in chance.integers(0, 100, 2000).tolist()]
        ids = pl.int_range(number * 2000, (number + 1) * 2000, eager=True)
        frame = pl.DataFrame({"id": ids, "v": values, "u": chance.standard_normal(2000).round(3)})
        path = tmp_path / "in" / f"{number}.{kind}"
        frame.write_parquet(path) if kind == "parquet" else frame.write_csv(path)
    conf = tmp_path / "job.yaml"
    conf.write_text(JOB.format(engine="spark-polars", work=tmp_path, format=kind))
    ran = on_sail(server, conf, tmp_path)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout.splitlines()[-1])
    here = run(JobConfig.from_text(JOB.format(engine="polars", work=tmp_path, format=kind)))
    assert (report["rows_written"], report["rows_quarantined"]) == (here.rows_written, here.rows_quarantined)
    assert here.rows_quarantined > 0
    there, ours = (
        pl.read_delta(f"{tmp_path}/{engine}-{kind}").sort("id").with_columns(pl.col("u", "v").round(9))
        for engine in ("spark-polars", "polars")
    )
    assert there.select(ours.columns).equals(ours)


def test_engine_spark_is_refused(server: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pl.DataFrame({"id": [1], "v": [1.0], "u": [1.0]}).write_parquet(tmp_path / "in" / "a.parquet")
    conf = tmp_path / "job.yaml"
    conf.write_text(JOB.format(engine="spark", work=tmp_path, format="parquet"))
    ran = on_sail(server, conf, tmp_path)
    assert ran.returncode == 2
    assert "engine: spark cannot run this job: Sail has no metrics" in ran.stderr
    assert ran.stderr.rstrip().endswith("engine: spark-polars can")
