"""Plain Parquet from whole jobs: what readers of folders see, and what is left after a failure and after a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.dataset as ds
import pytest

from genspark import JobConfig, PipelineModel, job
from genspark.errors import GensparkError, SinkError, TargetError

ASIDE = "[impute: {columns: v, strategy: median}, outliers: {columns: v, threshold: 2, action: quarantine}]"
ROWS = [(1, "x", 1.0), (2, "x", 2.0), (3, "y", 3.0), (4, "y", 2.0), (5, "x", 2.0)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = [(1, "x", 1.0), (2, "x", None), (3, "y", 3.0), (4, "y", 2.0), (5, "x", 2.0), (6, "y", 90.0)]
    for part in (0, 1):
        frame = pl.DataFrame(rows[part::2], schema=["id", "g", "v"], orient="row")
        (tmp_path / "in").mkdir(exist_ok=True)
        frame.write_parquet(tmp_path / "in" / f"{part}.parquet")
    return tmp_path / "in"


def config(source: Path, engine: str = "polars", sink: str = "mode: overwrite") -> JobConfig:
    return JobConfig.from_text(
        f"name: small\nengine: {engine}\nkey: [id]\nsource: {{path: {source}, format: parquet, split_size: 1}}\n"
        f"steps: {ASIDE}\nsink: {{path: {source.parent}/table, format: parquet, partition_by: g, {sink}}}\n"
    )


def read(table: Path | str) -> list[Any]:
    """The rows as a reader of folders sees them, which is none of genspark's own."""
    frame = pl.DataFrame(pl.from_arrow(ds.dataset(str(table), partitioning="hive").to_table()))
    return sorted(frame.select("id", "g", "v").rows())


def lies(table: Path) -> set[str]:
    """All that lies there, but for models, the card and what Hadoop keeps of each file."""
    files = (path for path in table.rglob("*") if path.is_file() and path.suffix != ".crc")
    names = {str(file.relative_to(table)) for file in files} - {"_genspark/croissant.json"}
    return {name for name in names if not name.startswith("_genspark/model")}


def named(table: Path) -> set[str]:
    """What the manifest says lies there, and itself."""
    manifest = json.loads((table / "_genspark/manifest.json").read_text())
    return {file["path"] for file in manifest["files"]} | {"_genspark/manifest.json"}


@pytest.mark.parametrize("engine", ["polars", "spark-polars", "spark", "spark alone"])
def test_a_job_on_every_engine(
    request: Any, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    if engine != "polars":
        request.getfixturevalue("interpreted")
    if engine == "spark alone":
        monkeypatch.setattr("genspark.sinks.on_spark.auto._lacking", lambda *_: "there is no genspark in the workers")
    table, engine = tmp_path / "table", engine.partition(" ")[0]
    for mode, times, version in (("error", 1, 0), ("append", 2, 1), ("overwrite", 1, 2)):
        report = job.run(config(source, engine, f"mode: {mode}"), force=True)
        assert (report.rows_written, report.rows_quarantined, report.table_version) == (5, 1, version)
        assert read(table) == sorted(ROWS * times)
        assert lies(table) == named(table)
    assert (
        sorted(pl.read_parquet(f"{table}/**/*.parquet", hive_partitioning=True).select("id", "g", "v").rows()) == ROWS
    )
    assert PipelineModel.load(report.model).sha256 == report.model_sha256
    manifest = json.loads((table / "_genspark/manifest.json").read_text())
    assert manifest["run"]["run_id"] == report.run_id
    assert sum(file["rows"] for file in manifest["files"]) == 5
    assert {file["partition"]["g"] for file in manifest["files"]} == {"x", "y"}
    # Whatever the sink's format, the quarantine keeps its history.
    assert pl.read_delta(report.quarantine)["id"].to_list() == [6, 6, 6]


KILLED = """
import os, signal, sys
from genspark.cli import main
from genspark.sinks.formats import parquet

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

move = parquet._move

def half(source, names, target, wanted):
    move(source, names[:1], target, wanted[:1])
    die()

if sys.argv[1] == "moving":
    parquet._move = half
else:
    parquet.ParquetFolder.sweep = die
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "mode", "times"), [("moving", "append", 2), ("swept", "append", 2), ("swept", "overwrite", 1)]
)
def test_a_run_after_one_that_was_killed(source: Path, tmp_path: Path, point: str, mode: str, times: int) -> None:
    table, conf = tmp_path / "table", tmp_path / "job.yaml"
    job.run(config(source))
    # Of another job, so that it is not the run before it again.
    again = config(source, sink=f"mode: {mode}").model_copy(update={"name": "again"})
    conf.write_text(again.to_yaml())
    ran = subprocess.run([sys.executable, "-c", KILLED, point, "run", "-q", str(conf)], capture_output=True, text=True)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert lies(table) != named(table)
    job.run(again)
    assert read(table) == sorted(ROWS * times)
    assert lies(table) == named(table)


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_failure_after_the_commit_is_put_back(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, fresh: bool
) -> None:
    table = tmp_path / "table"
    before: set[str] = set()
    if not fresh:
        job.run(config(source))
        before = lies(table)

    save = PipelineModel.save

    def fail(model: PipelineModel, path: str) -> None:
        if not path.endswith("/model.json"):
            return save(model, path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PipelineModel, "save", fail)
    with pytest.raises(GensparkError, match="No space left"):
        job.run(config(source, sink=f"mode: {mode}"), force=True)
    assert lies(table) == before
    assert table.exists() is not fresh
    assert (tmp_path / "table_quarantine").exists() is not fresh


def test_rows_that_lack_a_column_are_not_appended(source: Path, tmp_path: Path) -> None:
    job.run(config(source))
    for shard in source.iterdir():
        pl.read_parquet(shard).with_columns(w=1).write_parquet(shard)
    wider = config(source, sink="mode: append")
    with pytest.raises(SinkError, match=r"'w' is not a column of the table"):
        job.run(wider, force=True)
    job.run(config(source, sink="mode: overwrite"))
    for shard in source.iterdir():
        pl.read_parquet(shard).drop("w").write_parquet(shard)
    with pytest.raises(SinkError, match=r"the rows have no column 'w', which the table has as"):
        job.run(wider, force=True)
    assert lies(tmp_path / "table") == named(tmp_path / "table")


def test_another_runs_commit_meanwhile_stops_a_run(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.run(config(source))
    manifest = tmp_path / "table/_genspark/manifest.json"
    told = json.loads(manifest.read_text())
    from genspark.job.runners.polars import PolarsRunner

    write = PolarsRunner.write

    def late(runner: PolarsRunner, model: PipelineModel) -> Any:
        manifest.write_text(json.dumps({**told, "version": 7}))
        return write(runner, model)

    monkeypatch.setattr(PolarsRunner, "write", late)
    with pytest.raises(SinkError, match="another run wrote it meanwhile; run again"):
        job.run(config(source), force=True)
    assert read(tmp_path / "table") == ROWS


def test_a_manifest_that_is_none_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "table/_genspark").mkdir(parents=True)
    (tmp_path / "table/_genspark/manifest.json").write_text("{}")
    with pytest.raises(TargetError, match=r"sink\.path: .*manifest\.json is no manifest of genspark"):
        job.run(config(source))
