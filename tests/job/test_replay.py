"""`genspark replay`: repaired rows go through the model of the table into it, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import SourceError
from genspark.tables.quarantine import summary

VALUES = [1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 90.0]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    pl.DataFrame({"id": range(10), "v": VALUES}).write_parquet(tmp_path / "a.parquet")
    path = tmp_path / "job.yaml"
    path.write_text(
        f"name: small\nengine: polars\nkey: id\nsource: {{path: '{tmp_path}/a.parquet', format: parquet}}\n"
        "steps: [outliers: {columns: v, threshold: 2, action: quarantine}, transform: {columns: v, function: log1p}]\n"
        f"sink: {{path: '{tmp_path}/out'}}\n"
    )
    job.run(JobConfig.from_yaml(str(path)))
    return path


def test_repaired_rows_are_added_once_by_the_same_model(
    conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "out")
    aside = pl.read_delta(f"{path}_quarantine").with_columns(v=pl.lit(3.0))
    aside.write_parquet(tmp_path / "repaired.parquet")
    config = JobConfig.from_yaml(str(conf))
    report = job.replay(config, str(tmp_path / "repaired.parquet"))
    assert report.rows_written == 1
    assert job.replay(config, str(tmp_path / "repaired.parquet")).already_done
    (told,) = summary(path)["replays"]
    assert (told["run_id"], told["version"], told["rows"], told["rows_written"]) == (report.run_id, 1, 1, 1)
    assert told["path"] == str(tmp_path / "repaired.parquet")
    assert main(["quarantine", path, "-q"]) == 0
    assert f"replayed as version 1 by run {report.run_id}: 1 row of " in capsys.readouterr().out
    table = pl.read_delta(path)
    assert table.height == 10
    assert table.columns == ["id", "v", "_row_id", "_source_file"]
    assert table.filter(id=9)["v"].item() == table.filter(id=2)["v"].item()
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "less.parquet")
    with pytest.raises(SourceError, match=r"--rows: .* has no column 'v'"):
        job.replay(config, str(tmp_path / "less.parquet"))


@pytest.mark.parametrize("engine", ["polars", "spark"])
def test_the_table_knows_its_job(
    engine: str,
    start: Callable[[str], str],
    conf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The ledger tells the job and its model, whatever lies at the model's path by now, and where one stands."""
    for name in ("out", "out_runs", "out_quarantine"):
        (tmp_path / "moved").mkdir(exist_ok=True)
        (tmp_path / name).rename(tmp_path / "moved" / name)
    conf.unlink()
    table = tmp_path / "moved" / "out"
    other = job.fit(
        JobConfig.from_text(
            f"name: other\nengine: polars\nsource: {{path: '{tmp_path}/a.parquet', format: parquet}}\n"
            f"steps: [outliers: {{columns: v, threshold: 1}}]\nsink: {{path: '{tmp_path}/other'}}\n"
        )
    )
    other.save(str(table / "_genspark/model.json"))
    pl.DataFrame({"id": [9], "v": [3.0]}).write_parquet(tmp_path / "repaired.parquet")
    monkeypatch.chdir(tmp_path / "moved")
    command = ["replay", "out", "--rows", "../repaired.parquet", "--set", f"engine={start(engine)}", "-q", "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows_written"], told["engine"]) == (1, engine)
    # Of the replay's own rows in the ledger none is the job.
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["already_done"]
    rows = pl.read_delta(str(table))
    assert rows.filter(id=9)["v"].item() == rows.filter(id=2)["v"].item()
    assert main(["replay", "nowhere", "--rows", "../repaired.parquet"]) == 2
    assert "there is no ledger at nowhere_runs" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_a_row_is_added_once_in_whatever_sets_it_stands(tmp_path: Path, form: str) -> None:
    pl.DataFrame({"id": range(10), "v": VALUES}).write_parquet(tmp_path / "a.parquet")
    config = JobConfig.from_text(
        f"name: small\nengine: polars\nkey: id\nsource: {{path: '{tmp_path}/a.parquet', format: parquet}}\n"
        "steps: [outliers: {columns: v, threshold: 2, action: quarantine}]\n"
        f"sink: {{path: '{tmp_path}/out', format: {form}}}\n"
    )
    job.run(config)
    notes: list[str] = []

    class Notes(job.Silent):
        def note(self, line: str) -> None:
            notes.append(line)

    def replay(ids: list[int], values: list[float]) -> job.RunReport:
        pl.DataFrame({"id": ids, "v": values}).write_csv(tmp_path / "rows.csv")
        return job.replay(config, str(tmp_path / "rows.csv"), progress=Notes())

    # Row 9 is still an outlier, and set aside again; only what is in the table is there.
    first = replay([9, 20], [80.0, 1.0])
    assert (first.rows_written, first.rows_quarantined) == (1, 1)
    assert replay([20, 9, 21], [1.0, 3.0, 2.0]).rows_written == 2
    assert "--rows: 1 of 3 rows are in the table by a replay" in notes
    # Whatever the model is by then.
    again = {"path": str(tmp_path / "rows.csv"), "format": "csv"}
    job.fit(config.model_copy(update={"source": config.source.model_copy(update=again)}))
    last = replay([21, 20], [2.0, 1.0])
    assert (last.already_done, last.rows_written, last.table_version) == (True, 0, 2)
    files = (tmp_path / "out").glob("*.parquet")
    assert sorted(pl.concat([pl.read_parquet(file) for file in files])["id"]) == [*range(10), 20, 21]


def test_follow_is_for_appends(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(conf), "--follow", "--set", "sink.mode=overwrite"]) == 2
    assert "--follow: adds new shards, and sink.mode is 'overwrite'; set it to append" in capsys.readouterr().err


def test_a_job_that_redoes_its_table_keeps_it_in_a_replay(conf: Path, tmp_path: Path) -> None:
    """With `refit: full` a run writes all anew from its source, which repaired rows alone are not."""
    config = JobConfig.from_yaml(str(conf), sets=["refit=full", "sink.mode=append"])
    for number in (100, 101):
        rows = tmp_path / f"{number}.parquet"
        pl.DataFrame({"id": [number], "v": [2.0]}).write_parquet(rows)
        job.replay(config, str(rows))
        assert job.replay(config, str(rows)).already_done
    assert sorted(pl.read_delta(str(tmp_path / "out"))["id"]) == [*range(9), 100, 101]


def test_text_is_read_with_the_types_of_the_source(tmp_path: Path) -> None:
    pl.DataFrame({"id": [f"{n:03}" for n in range(10)], "v": VALUES}).write_parquet(tmp_path / "a.parquet")
    config = JobConfig.from_text(
        f"name: codes\nengine: polars\nkey: id\nsource: {{path: '{tmp_path}/a.parquet', format: parquet}}\n"
        f"steps: [outliers: {{columns: v, threshold: 2, action: quarantine}}]\nsink: {{path: '{tmp_path}/out'}}\n"
    )
    job.run(config)
    repaired = tmp_path / "repaired.csv"
    repaired.write_text("v,id,note\n3,009,mended\n")
    assert job.replay(config, str(repaired)).rows_written == 1
    row = pl.read_delta(str(tmp_path / "out")).filter(id="009")
    assert row["v"].to_list() == [3.0]
    repaired.write_text("v,id,note\n3,008,mended\nthree,007,\n")
    with pytest.raises(SourceError, match=r"--rows: .*the record 'three,007,' cannot be read; repair it"):
        job.replay(config, str(repaired))
    assert pl.read_delta(str(tmp_path / "out")).height == 10
