"""`genspark trace` and `genspark quarantine`: rows are followed back, and rejected ones counted by rule."""

from __future__ import annotations

import json
from pathlib import Path

import deltalake
import polars as pl
import pytest

from genspark import JobConfig, job
from genspark.cli import main
from genspark.errors import SourceError
from genspark.tables.quarantine import summary
from genspark.tables.trace import trace


def write(folder: Path, ids: list[int], extra: str = "") -> str:
    """A run whose last row, of x = 1000, is quarantined."""
    pl.DataFrame({"id": ids, "x": [float(n % 7) for n in ids[1:]] + [1000.0]}).write_parquet(folder / "a.parquet")
    text = (
        f"name: j\nengine: polars\nkey: id\nsource: {{path: {folder}/a.parquet, format: parquet}}\nsteps:\n"
        "- outliers: {columns: [x], method: zscore, threshold: 3, action: quarantine}\n"
        f"- scale: {{columns: [x], method: standard}}\nsink: {{path: {folder}/out}}\n{extra}"
    )
    (folder / "job.yaml").write_text(text)
    job.run(JobConfig.from_text(text))
    return f"{folder}/out"


def id_of(path: str, key: int) -> int:
    rows = pl.DataFrame(pl.from_arrow(deltalake.DeltaTable(path).to_pyarrow_table()))
    return int(rows.filter(pl.col("id") == key)["_row_id"][0])


def test_a_row_is_followed_to_its_run_and_its_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, list(range(40)))
    (row,) = trace(path, id_of(path, 4))["rows"]
    assert row["source_file"] == (tmp_path / "a.parquet").as_uri()
    assert (row["run"]["version"], row["run"]["engine"], row["run"]["job"]) == (0, "polars", "j")
    (x,) = [column for column in row["columns"] if column["column"] == "x"]
    assert x["before"] == pytest.approx(5.0)
    assert any("scale" in change for change in x["changes"])
    assert main(["trace", path, f"--row-id={id_of(path, 4)}", "-q"]) == 0
    assert "a.parquet" in capsys.readouterr().out


def test_rows_of_one_key_are_all_shown(tmp_path: Path) -> None:
    path = write(tmp_path, [1, 1, *range(2, 40)])
    told = trace(path, id_of(path, 1))
    assert len(told["rows"]) == 2
    assert "not unique" in told["notes"][0]


def test_a_row_that_is_not_there_is_looked_for_in_the_quarantine(tmp_path: Path) -> None:
    import numpy as np

    from genspark.columns.hashing import column_seed, hash_integers

    path = write(tmp_path, list(range(40)))
    gone = int(hash_integers(np.array([39]), column_seed(0)).view(np.int64)[0])
    (sample,) = trace(path, gone)["quarantined"]
    assert sample["values"] == {"id": 39, "x": 1000.0}
    assert sample["reasons"][0]["rule"] == "zscore"
    with pytest.raises(SourceError, match="no row has _row_id 5"):
        trace(path, 5)


@pytest.mark.parametrize("name", ["out", "out_quarantine", "job.yaml"])
def test_a_quarantine_is_summed_by_rule(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, list(range(40)))
    assert main(["quarantine", f"{tmp_path}/{name}", "--json", "-q"]) == 0
    told = json.loads(capsys.readouterr().out)
    (rule,) = told["rules"]
    assert (rule["step"], rule["column"], rule["rule"], rule["rows"]) == ("outliers", "x", "zscore", 1)
    assert rule["samples"][0]["values"]["id"] == 39
    assert (told["rows"], told["unfinished"]) == (1, None)


def test_a_quarantine_elsewhere_is_found_and_rows_without_a_commit_are_apart(tmp_path: Path) -> None:
    path = write(tmp_path, list(range(40)), f"quarantine: {{path: {tmp_path}/aside}}\n")
    rows = pl.DataFrame(pl.from_arrow(deltalake.DeltaTable(f"{tmp_path}/aside").to_pyarrow_table()))
    lost = rows.with_columns(pl.lit("lost").alias("_run_id"))
    deltalake.write_deltalake(f"{tmp_path}/aside", lost, mode="append")
    told = summary(path)
    assert (told["rows"], told["unfinished"]["runs"]) == (1, {"lost": 1})
    assert summary(path, run="lost")["rows"] == 0
