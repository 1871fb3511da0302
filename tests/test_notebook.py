"""Notebooks are committed without outputs, and run from the first cell to the last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from test_connect_safe import offences

from notebooks import NAMES, code_cells, executed, figures, read

ON_CONNECT = os.environ.get("GENSPARK_TEST_SESSION") == "connect"
TAKEN_BY_SERVERLESS = {
    "spark.databricks.execution.timeout",
    "spark.sql.ansi.enabled",
    "spark.sql.files.maxPartitionBytes",
    "spark.sql.legacy.timeParserPolicy",
    "spark.sql.session.timeZone",
    "spark.sql.shuffle.partitions",
}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_committed_without_outputs(name: str) -> None:
    notebook = read(name)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(notebook))
    assert notebook.metadata.kernelspec.name == "python3", "the kernel that every Jupyter has"


@pytest.mark.slow
def test_the_quickstart_runs_and_draws_two_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSPARK_QUICK", "1")
    monkeypatch.setenv("QUICKSTART", str(tmp_path / "files"))
    if ON_CONNECT:
        monkeypatch.setenv("SPARK_REMOTE", "local[2]")
    assert figures(executed("quickstart.ipynb", tmp_path)) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"files"}
    assert {path.name for path in (tmp_path / "files").iterdir()} == {"shards", "table", "model.json"}


def test_the_one_of_databricks_asks_for_nothing_that_connect_lacks() -> None:
    assert [told for cell in code_cells(read("databricks.ipynb")) for told in offences(cell.source)] == []


@pytest.fixture
def volume(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for a volume, and a Connect session that refuses what serverless compute refuses of one.

    That is most settings, and to keep frames. What genspark itself refuses there is refused too.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.conf import RuntimeConf
    from pyspark.sql.connect.dataframe import DataFrame

    taken = RuntimeConf.set

    def take(self: Any, key: str, value: Any) -> None:
        if key not in TAKEN_BY_SERVERLESS:
            raise PySparkException(f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available.")
        taken(self, key, value)

    def refuse(*_: Any, **__: Any) -> None:
        raise PySparkException("[NOT_SUPPORTED_WITH_SERVERLESS] PERSIST TABLE is not supported on serverless compute.")

    monkeypatch.setattr(RuntimeConf, "set", take)
    for name in ("cache", "persist"):
        monkeypatch.setattr(DataFrame, name, refuse)
    monkeypatch.setenv("DATABRICKS_SERVERLESS_COMPUTE_ID", "auto")
    monkeypatch.setattr("genspark.job.runners.serverless._MOUNTED", (f"{tmp_path.as_uri()}/",))
    monkeypatch.setenv("VOLUME", str(tmp_path))
    return tmp_path


@pytest.mark.connect
def test_the_one_of_databricks_runs_under_the_checks_of_serverless(
    volume: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not ON_CONNECT:
        pytest.skip("a classic session is not what serverless compute has")
    told: dict[str, Any] = {"__name__": "__main__"}
    for cell in code_cells(read("databricks.ipynb")):
        exec(compile(cell.source, "databricks.ipynb", "exec"), told)
    report = told["report"]
    assert report.engine == "spark"
    assert report.rows_written + report.rows_quarantined == report.rows_read == 569
    assert report.rows_quarantined == 8
    assert {path.name for path in volume.iterdir()} == {"shards", "table", "table_quarantine", "table_runs"}
    assert told["again"].already_done
    assert told["restored"].min().min() > 0
    assert "a task of serverless compute has 1 GB of memory" in capsys.readouterr().out
