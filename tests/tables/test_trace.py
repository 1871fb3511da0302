"""`genspark trace`, `genspark quarantine` and `genspark replay`: rows followed back, set aside, and repaired."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import SourceError
from genspark.tables.rejected import rejected
from genspark.tables.trace import reasons_text, set_aside, trace

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


def test_a_row_is_followed_back(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "out")
    table = pl.read_delta(path)
    row_id = table.filter(id=3)["_row_id"].item()
    (found,) = trace(path, row_id)
    assert (found.row["id"], found.version, found.source) == (3, 0, f"file://{tmp_path}/a.parquet")
    assert found.run["job"] == "small"
    assert main(["trace", path, "--row-id", str(row_id)]) == 0
    said = capsys.readouterr().out
    assert "(on the source's scale: " in said
    assert "transform columns=[v], function=log1p" in said


def test_a_row_that_was_set_aside_is_found_by_its_id(conf: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    # The id that the row would have had.
    other = JobConfig.from_yaml(str(conf), sets=["steps=[]", f"sink.path={tmp_path}/whole"])
    row_id = pl.read_delta(job.run(other).table).filter(id=9)["_row_id"].item()
    assert trace(path, row_id) == []
    (row,) = set_aside(path, f"{path}_quarantine", row_id)
    assert row["v"] == 90.0
    assert reasons_text(row)[0].startswith("outliers: v zscore, value 90.0, bound ")
    assert main(["trace", path, "--row-id", "1"]) == 2


def test_the_quarantine_is_summed_up(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "out")
    seen = rejected(f"{path}_quarantine", path)
    assert (seen.rows, seen.unfinished) == (1, ())
    (rule,) = seen.rules
    assert (rule.step, rule.column, rule.rule, rule.rows) == ("outliers", "v", "zscore", 1)
    assert rule.samples[0]["v"] == 90.0
    assert main(["quarantine", str(conf), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rules"][0]["samples"][0]["id"] == 9
    # A run of which the table knows nothing.
    pl.read_delta(f"{path}_quarantine").with_columns(_run_id=pl.lit("gone")).write_delta(
        f"{path}_quarantine", mode="append"
    )
    assert rejected(f"{path}_quarantine", path).unfinished == ("gone",)
    with pytest.raises(SourceError, match="there is no quarantine"):
        rejected(str(tmp_path / "nowhere"))


def test_repaired_rows_are_added_once_by_the_same_model(conf: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    aside = pl.read_delta(f"{path}_quarantine").with_columns(v=pl.lit(3.0))
    aside.write_parquet(tmp_path / "repaired.parquet")
    config = JobConfig.from_yaml(str(conf))
    report = job.replay(config, str(tmp_path / "repaired.parquet"))
    assert report.rows_written == 1
    assert job.replay(config, str(tmp_path / "repaired.parquet")).already_done
    table = pl.read_delta(path)
    assert table.height == 10
    assert table.columns == ["id", "v", "_row_id", "_source_file"]
    assert table.filter(id=9)["v"].item() == table.filter(id=2)["v"].item()
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "less.parquet")
    with pytest.raises(SourceError, match=r"--rows: .* has no column 'v'"):
        job.replay(config, str(tmp_path / "less.parquet"))


def test_follow_is_for_appends(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(conf), "--follow", "--set", "sink.mode=overwrite"]) == 2
    assert "--follow: adds new shards, and sink.mode is 'overwrite'; set it to append" in capsys.readouterr().err
