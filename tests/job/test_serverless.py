"""What Databricks' serverless compute cannot do is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from genspark import JobConfig
from genspark.cli import main
from genspark.errors import PlanError
from genspark.job.runners import choose

VOLUME = "/Volumes/main/default/data"


def job(engine: str, source: str = f"{VOLUME}/in", sink: str = "s3://bucket/table", more: str = "") -> JobConfig:
    return JobConfig.from_text(
        f"name: x\nengine: {engine}\nsource: {{path: '{source}', format: csv}}\nsink: {{path: '{sink}'{more}}}\n"
    )


@pytest.fixture(params=["DATABRICKS_RUNTIME_VERSION=client.5.2", "IS_SERVERLESS=TRUE"])
def serverless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.1")
    monkeypatch.setenv(*request.param.split("="))


@pytest.mark.usefixtures("serverless")
@pytest.mark.parametrize(
    ("config", "why"),
    [
        (job("spark-polars"), "a task of serverless compute has 1 GB of memory.*; engine: polars or spark can"),
        (job("spark", "dbfs:/data/in"), "serverless compute does not reach dbfs:/data/in; give one in /Volumes"),
        (job("polars", "hdfs://name/in"), "serverless compute does not reach hdfs://name/in"),
        (job("spark", sink="/tmp/table"), "/tmp/table is on no disk that serverless compute shares"),
        (job("spark", more=", compression: zstd, compression_level: 9"), "sink.compression_level is a setting of"),
    ],
)
def test_what_it_cannot_do(config: JobConfig, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        choose(config)


@pytest.mark.usefixtures("serverless")
def test_what_it_can() -> None:
    assert choose(job("spark")).engine == "spark"
    assert choose(job("auto")).engine == "spark"
    assert choose(job("polars", sink=f"{VOLUME}/table")).engine == "polars"


def test_plan_refuses_before_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABRICKS_SERVERLESS_COMPUTE_ID", "auto")
    (tmp_path / "job.yaml").write_text(job("spark-polars", "/nowhere/in").to_yaml())
    assert main(["plan", str(tmp_path / "job.yaml")]) == 2
    assert "engine: spark-polars cannot run this job: a task of serverless compute" in capsys.readouterr().err
