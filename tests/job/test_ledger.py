"""The ledger: a row for each run, true of it, without secrets; and no run fails for it."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import deltalake
import polars as pl
import pytest
import yaml

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import GensparkError, ShardError, TargetError
from genspark.job import ledger
from genspark.job.snapshot import Snapshot
from genspark.job.states import SourceFile
from genspark.version import VERSION

SECRET = "hunter2-hunter2"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A job over ten rows: one missing, one far out, of which a run fills the one and sets the other aside."""
    (tmp_path / "in").mkdir()
    rows = {"k": list(range(10)), "v": [1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0, None, 90.0], "t": ["x"] * 10}
    pl.DataFrame(rows).write_parquet(tmp_path / "in/a.parquet")
    path = tmp_path / "job.yaml"
    path.write_text(
        f"name: small\nengine: polars\nkey: k\nsource: {{path: '{tmp_path}/in', format: parquet}}\n"
        "steps: [impute: {columns: v, strategy: median}, outliers: {columns: v, threshold: 2, action: quarantine}]\n"
        f"sink: {{path: '{tmp_path}/out', mode: overwrite}}\ncard: {{url: 'https://ann:{SECRET}@example.org'}}\n"
    )
    return path


def run(conf: Path, *sets: str, force: bool = False, notes: job.Silent | None = None) -> job.RunReport:
    return job.run(JobConfig.from_yaml(str(conf), sets=sets), force=force, progress=notes)


class Notes(job.Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize("engine", ["polars", "tasks", "spark"])
def test_a_row_tells_all_of_a_run(engine: str, start: Callable[[str], str], conf: Path, tmp_path: Path) -> None:
    report = run(conf, f"engine={start(engine)}")
    (row,) = ledger.read(f"{tmp_path}/out_runs").rows(named=True)
    assert ledger.read(f"{tmp_path}/out_runs").schema == ledger.COLUMNS
    assert (row["run_id"], row["outcome"], row["error"]) == (report.run_id, "written", None)
    assert (row["job"], row["engine"], row["genspark"]) == ("small", report.engine, VERSION)
    counted = ("rows_read", "rows_written", "rows_quarantined", "rows_dropped", "shards_quarantined")
    assert [row[name] for name in counted] == [10, 9, 1, 0, 0]
    counts = {(one["step"], one["what"]): one["values"] for one in json.loads(row["counts"])}
    assert counts["impute", "filled"] == 1
    assert (row["target"], row["target_version"], row["mode"]) == (f"{tmp_path}/out", report.table_version, "overwrite")
    assert (row["model_sha256"], row["config_sha256"]) == (report.model_sha256, _config(conf, report).config_hash)
    assert 0 < row["seconds"] < 600
    assert abs(row["started"] - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1)
    status = (tmp_path / "in/a.parquet").stat()
    source = json.loads(row["source"])
    assert source["files"] == [[f"file://{tmp_path}/in/a.parquet", status.st_size, status.st_mtime_ns // 1_000_000]]
    assert Snapshot(tuple(SourceFile(*file) for file in source["files"])).digest == row["source_digest"]
    kept = yaml.safe_load(row["config"])
    assert (kept["name"], kept["card"]) == ("small", {"url": "https://***@example.org"})
    told = deltalake.DeltaTable(tmp_path / "out").history(1)[0]["userMetadata"]
    assert json.loads(told)["key"] == row["key"]


def _config(conf: Path, report: job.RunReport) -> JobConfig:
    return JobConfig.from_yaml(str(conf), sets=[f"engine={report.engine}"])


def test_a_run_that_failed_is_there_with_its_error(conf: Path, tmp_path: Path) -> None:
    with pytest.raises(GensparkError, match="cast") as raised:
        run(conf, f"steps=[{{cast: {{name: 'cast password={SECRET}', columns: {{t: int32}}}}}}]")
    (row,) = ledger.read(f"{tmp_path}/out_runs").rows(named=True)
    assert (row["outcome"], row["error"]) == ("failed", str(raised.value))
    assert (row["target_version"], row["rows_written"], row["model_sha256"]) == (None, None, None)
    assert SECRET not in str(row)
    # One that cannot begin, for a shard is broken, is a run that failed, too; a mistake of the job is none.
    (tmp_path / "in/b.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(ShardError):
        run(conf)
    with pytest.raises(GensparkError, match="no_such_column"):
        run(conf, "steps=[drop: {columns: no_such_column}]", "source.on_corrupt=quarantine")
    rows = ledger.read(f"{tmp_path}/out_runs")
    assert rows["outcome"].to_list() == ["failed", "failed"]
    assert f"{tmp_path}/in/b.parquet" in rows["error"][0]
    assert not (tmp_path / "out/_genspark").exists()


def _file(path: Path) -> None:
    path.write_text("mine")


def _other_table(path: Path) -> None:
    deltalake.write_deltalake(path, pl.DataFrame({"x": [1]}))


@pytest.mark.parametrize("obstacle", [_file, _other_table])
def test_a_ledger_that_cannot_be_written_harms_no_run(
    obstacle: Callable[[Path], None], conf: Path, tmp_path: Path
) -> None:
    obstacle(tmp_path / "there")
    notes = Notes()
    assert run(conf, f"ledger.path={tmp_path}/there", notes=notes).rows_written == 9
    assert notes.lines[-1].startswith(f"this run is not in the ledger: ledger.path: {tmp_path}/there: ")
    if obstacle is _other_table:
        assert pl.read_delta(str(tmp_path / "there")).columns == ["x"]


def test_a_path_that_only_spark_reaches_has_no_ledger(conf: Path) -> None:
    notes = Notes()
    assert run(conf, "ledger.path=dbfs:/runs", notes=notes).rows_written == 9
    assert (
        "this run is not in the ledger: ledger.path: dbfs:/runs can be reached through Spark alone" in notes.lines[-1]
    )
    with pytest.raises(GensparkError, match="through Spark alone"):
        ledger.read("dbfs:/runs")


def test_of_runs_that_end_at_once_each_is_there(conf: Path, tmp_path: Path) -> None:
    run(conf)
    path = str(tmp_path / "elsewhere")
    (known,) = ledger.read(f"{tmp_path}/out_runs").rows(named=True)
    row = ledger.Row(**{**known, "started": known["started"].isoformat()})
    rows = [dataclasses.replace(row, run_id=f"r{n}") for n in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: ledger.add(path, one), rows))
    assert sorted(ledger.read(path)["run_id"]) == [f"r{n}" for n in range(8)]


def test_the_command_lists_runs_newest_first(
    conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = run(conf), run(conf, force=True)
    with pytest.raises(GensparkError, match="cast"):
        run(conf, "steps=[{cast: {columns: {t: int32}}}]")
    # A terminal of common width has all of it.
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["runs", f"{tmp_path}/out/"]) == 0
    said = capsys.readouterr().out
    assert [said.count(word) for word in ("written", "│ failed ", "quarantined")] == [4, 1, 2]
    assert said.index("failed") < said.index("written")
    assert {len(line) for line in said.splitlines() if line.startswith("│")} == {80}
    assert main(["runs", str(conf), "--json", "-n", "2"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["outcome"] for one in told] == ["failed", "written"]
    assert (told[1]["run_id"], first.run_id in str(told)) == (second.run_id, False)


def test_a_ledger_of_an_earlier_genspark_goes_on(conf: Path, tmp_path: Path) -> None:
    run(conf)
    path = tmp_path / "out_runs"
    before = pl.read_delta(str(path)).drop("row_ids_shared")
    shutil.rmtree(path)
    before.write_delta(str(path))
    assert ledger.read(str(path))["row_ids_shared"].to_list() == [None]
    run(conf, force=True)
    assert ledger.read(str(path))["row_ids_shared"].to_list() == [0, None]


def test_a_ledger_that_is_not_there_is_a_mistake(
    conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", f"{tmp_path}/out"]) == 2
    assert f"ledger.path: there is no ledger at {tmp_path}/out_runs; name the table" in capsys.readouterr().err
    run(conf, f"ledger.path={tmp_path}/elsewhere")
    conf.write_text(conf.read_text() + f"ledger: {{path: '{tmp_path}/elsewhere'}}\n")
    assert main(["runs", str(conf)]) == 0
    _other_table(tmp_path / "t_runs")
    with pytest.raises(TargetError, match="not one of runs"):
        ledger.read(f"{tmp_path}/t_runs")
