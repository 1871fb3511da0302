"""`genspark replay`: repaired rows go through the model of the table into it, once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import SourceError

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
