"""A Spark Connect server in a process of its own, and a client that has neither Java nor any other part of Spark."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from environments import clean, environment, requirements, wheel
from standalone import end, submit

from genspark.session import driver
from genspark.session.jvm import delta_conf

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
JOB = """
name: remote
engine: spark
source: {{path: 'file://{work}/in', format: csv, schema: 'id long, v double, c string'}}
key: id
steps:
- split: {{fractions: {{train: 0.5, test: 0.5}}}}
- impute: {{columns: v, strategy: mean}}
- outliers: {{columns: v, threshold: 1.5, action: quarantine}}
- scale: {{columns: v}}
sink: {{path: 'file://{work}/table', mode: overwrite}}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("connect")
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("id,v,c\n1,1.0,x\n2,,y\n3,3.0,x\n4,bad,x\n5,100.0,y\n")
    return folder


@pytest.fixture(scope="module")
def server(work: Path) -> Iterator[str]:
    """The address of a server whose workers have neither this environment nor genspark."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        **delta_conf({}),
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.pyspark.python": str(environment("executors", requirements())),
    }
    options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    jars = ["--jars", ",".join(map(str, driver.delta_jars()))]
    program = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    process = submit(["--master", "local[2]", *options, *jars, *program], clean(), work)
    try:
        for _ in range(900):
            with socket.socket() as knocking:
                if knocking.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (work / "said.txt").read_text()[-3000:]
            time.sleep(0.1)
        yield f"sc://127.0.0.1:{port}"
    finally:
        end(process)


def client(work: Path, server: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """genspark in an environment with `pyspark-client`, where no Java can be found."""
    python = environment("client", [*requirements(), "pyspark-client==4.2.0", "pandas<3"])
    zipped = work / "genspark.zip"
    variables = clean(PYTHONPATH=str(zipped if zipped.exists() else wheel(work)), SPARK_REMOTE=server, PATH="/nowhere")
    variables.pop("JAVA_HOME", None)
    command = [str(python), "-m", "genspark.cli", *arguments]
    return subprocess.run(command, env=variables, cwd=work, capture_output=True, text=True, timeout=300)


def test_a_job_from_a_client_without_java(work: Path, server: str) -> None:
    conf = work / "job.yaml"
    conf.write_text(JOB.format(work=work))
    planned = client(work, server, "plan", str(conf))
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.startswith("engine: spark (as configured)")
    ran = client(work, server, "run", str(conf), "--json", "-q")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout.splitlines()[-1])
    assert (report["rows_read"], report["rows_written"], report["rows_quarantined"]) == (5, 3, 2)
    table = pl.read_delta(f"{work}/table").sort("id")
    # 1, 3 and, where there was nothing, the mean of the three that could be read: 104 / 3; 100 is beyond.
    values = np.array([1.0, 104 / 3, 3.0])
    assert table["id"].to_list() == [1, 2, 3]
    assert table["v"].to_list() == pytest.approx((values - values.mean()) / values.std())
    assert Path(work, "table", "_genspark", "model.json").exists()
    again = client(work, server, "run", str(conf), "--json", "-q")
    assert json.loads(again.stdout.splitlines()[-1])["table_version"] == report["table_version"]


def test_what_a_client_cannot_do_is_told(work: Path, server: str) -> None:
    conf = work / "job.yaml"
    conf.write_text(JOB.format(work=work))
    wrong = client(work, server, "run", str(conf), "--set", "source.path=file:///nowhere/*.csv", "-q")
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
    assert "source.path: " in wrong.stderr
    nobody = client(work, "sc://127.0.0.1:1", "run", str(conf), "-q")
    assert nobody.returncode == 2
    assert "no Spark Connect server answers at sc://127.0.0.1:1" in nobody.stderr
    assert sys.prefix not in nobody.stderr
