"""A job from end to end on small data: modes, sums, what is put back, and how often data is read."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pytest

from genspark import JobConfig, PipelineModel, job
from genspark.errors import DataError, GensparkError, SinkError
from genspark.io import delta


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Two gzip-compressed shards of six rows: one value missing, one far out."""
    folder = tmp_path / "shards"
    folder.mkdir()
    for name, rows in {"a": ["1,x,1.0", "2,x,", "3,y,3.0"], "b": ["4,y,2.0", "5,x,2.0", "6,y,90.0"]}.items():
        with gzip.open(folder / f"{name}.csv.gz", "wt") as stream:
            stream.write("\n".join(["id,g,v", *rows]) + "\n")
    return folder


def config(shards: Path, tmp_path: Path, steps: str = "[]", sink: str = "mode: overwrite", more: str = "") -> JobConfig:
    return JobConfig.from_text(
        f"name: small\nsource: {{path: '{shards}/*.csv.gz', format: csv}}\nkey: [id]\n"
        f"steps: {steps}\nsink: {{path: {tmp_path}/table, {sink}}}\n{more}"
    )


def rows(path: Path | str) -> list[tuple[Any, ...]]:
    return sorted(pl.read_delta(str(path)).rows())


DROP = "[impute: {columns: v, strategy: median}, outliers: {columns: v, threshold: 2, action: drop}]"
ASIDE = DROP.replace("drop", "quarantine")


def test_written_dropped_and_quarantined_add_up_to_what_was_read(spark: Any, shards: Path, tmp_path: Path) -> None:
    report = job.run(config(shards, tmp_path, DROP), spark=spark)
    assert (report.rows_read, report.rows_written, report.rows_dropped, report.rows_quarantined) == (6, 5, 1, 0)
    assert rows(tmp_path / "table") == [(1, "x", 1.0), (2, "x", 2.0), (3, "y", 3.0), (4, "y", 2.0), (5, "x", 2.0)]


def test_a_job_without_a_quarantine_reads_the_data_once_to_fit_and_once_to_write(
    spark: Any, shards: Path, tmp_path: Path
) -> None:
    report = job.run(config(shards, tmp_path, DROP), spark=spark)
    assert report.passes == {"schema": 1, "fit": 1, "write": 1}


def test_the_quarantine_has_the_row_the_reasons_and_the_file(spark: Any, shards: Path, tmp_path: Path) -> None:
    report = job.run(config(shards, tmp_path, ASIDE), spark=spark)
    (row,) = pl.read_delta(report.quarantine).rows(named=True)
    assert (row["id"], row["g"], row["v"], row["_run_id"]) == (6, "y", 90.0, report.run_id)
    assert row["_file"].endswith("shards/b.csv.gz")
    (reason,) = row["_reasons"]
    assert (reason["step"], reason["column"], reason["rule"], reason["value"]) == ("outliers", "v", "zscore", 90.0)
    assert 2.0 < reason["threshold"] < 90.0


def test_no_quarantine_table_is_made_for_no_rows(spark: Any, shards: Path, tmp_path: Path) -> None:
    steps = ASIDE.replace("threshold: 2", "threshold: 50")
    report = job.run(config(shards, tmp_path, steps), spark=spark)
    assert report.quarantine is None
    assert not (tmp_path / "table_quarantine").exists()


def test_corrupt_records_go_to_the_quarantine_with_their_text(spark: Any, shards: Path, tmp_path: Path) -> None:
    with gzip.open(shards / "c.csv.gz", "wt") as stream:
        stream.write("id,g,v\n7,x,1.0,too,many\n8,y,2.0\n")
    report = job.run(config(shards, tmp_path, DROP), spark=spark)
    assert (report.rows_read, report.rows_written, report.rows_dropped, report.rows_quarantined) == (8, 6, 1, 1)
    (row,) = pl.read_delta(report.quarantine).rows(named=True)
    assert row["_corrupt_record"] == "7,x,1.0,too,many"
    assert row["_file"].endswith("c.csv.gz")
    assert [(r["step"], r["rule"]) for r in row["_reasons"]] == [("source", "corrupt record")]


def test_corrupt_records_are_told_even_where_nothing_is_fitted(spark: Any, shards: Path, tmp_path: Path) -> None:
    with gzip.open(shards / "c.csv.gz", "wt") as stream:
        stream.write("id,g,v\n7,x,1.0,too,many\n")
    assert job.run(config(shards, tmp_path), spark=spark).rows_quarantined == 1


def test_overwrite_keeps_history_and_properties(spark: Any, shards: Path, tmp_path: Path) -> None:
    sink = "mode: overwrite, properties: {delta.logRetentionDuration: interval 60 days, team: trips}"
    first = job.run(config(shards, tmp_path, sink=sink), spark=spark)
    again = job.run(config(shards, tmp_path, DROP), spark=spark)
    table = deltalake.DeltaTable(again.table)
    assert table.version() == again.table_version > first.table_version
    assert table.metadata().configuration["delta.logRetentionDuration"] == "interval 60 days"
    assert table.metadata().configuration["team"] == "trips"
    assert len(rows(again.table)) == 5


def test_append_adds_rows(spark: Any, shards: Path, tmp_path: Path) -> None:
    for _ in range(2):
        report = job.run(config(shards, tmp_path, sink="mode: append, partition_by: g"), spark=spark)
    assert report.rows_written == 6
    assert len(rows(report.table)) == 12


def test_named_partitions_alone_are_overwritten(spark: Any, shards: Path, tmp_path: Path) -> None:
    job.run(config(shards, tmp_path, sink="mode: overwrite, partition_by: g"), spark=spark)
    for name in ("a", "b"):
        with gzip.open(shards / f"{name}.csv.gz", "wt") as stream:
            stream.write("id,g,v\n100,y,5.0\n")
    sink = "mode: overwrite, partition_by: g, partitions: {g: [y]}"
    report = job.run(config(shards, tmp_path, sink=sink), spark=spark)
    assert sorted(row[0] for row in rows(report.table)) == [1, 2, 5, 100, 100]


def test_a_row_of_another_partition_stops_an_overwrite_of_named_ones(spark: Any, shards: Path, tmp_path: Path) -> None:
    before = job.run(config(shards, tmp_path, sink="mode: overwrite, partition_by: g"), spark=spark)
    sink = "mode: overwrite, partition_by: g, partitions: {g: [y]}"
    with pytest.raises(GensparkError, match="does not conform to partial table overwrite condition"):
        job.run(config(shards, tmp_path, sink=sink), spark=spark)
    assert deltalake.DeltaTable(before.table).version() == before.table_version


def test_mode_error_leaves_a_table_that_is_there(spark: Any, shards: Path, tmp_path: Path) -> None:
    before = job.run(config(shards, tmp_path), spark=spark)
    with pytest.raises(SinkError, match=r"is already a table; set sink\.mode to overwrite or append"):
        job.run(config(shards, tmp_path, sink="mode: error"), spark=spark)
    assert deltalake.DeltaTable(before.table).version() == before.table_version


def test_files_per_partition_bounds_the_files(spark: Any, shards: Path, tmp_path: Path) -> None:
    with gzip.open(shards / "c.csv.gz", "wt") as stream:
        stream.write("id,g,v\n" + "".join(f"{n},{'xy'[n % 2]},1.0\n" for n in range(100)))
    for files in (1, 2):
        sink = f"mode: overwrite, partition_by: g, files_per_partition: {files}"
        report = job.run(config(shards, tmp_path, sink=sink), spark=spark)
        assert report.files_written == 2 * files


def test_fit_then_transform_writes_what_run_does(spark: Any, shards: Path, tmp_path: Path) -> None:
    ran = rows(job.run(config(shards, tmp_path, DROP), spark=spark).table)
    apart = config(shards, tmp_path / "apart", DROP, more=f"model: {{path: {tmp_path}/model.json}}")
    model = job.fit(apart, spark=spark)
    assert PipelineModel.load(str(tmp_path / "model.json")).sha256 == model.sha256
    assert not (tmp_path / "apart").exists()
    report = job.transform(apart, spark=spark)
    assert rows(report.table) == ran
    assert report.scans == 0


def test_transform_without_a_model_says_where_it_looked(spark: Any, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(GensparkError, match=r"model\.json: there is no model here; fit one first"):
        job.transform(config(shards, tmp_path, DROP), spark=spark)


@pytest.mark.parametrize("fresh", [True, False])
def test_a_failure_after_the_commit_puts_table_and_quarantine_back(
    spark: Any, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fresh: bool
) -> None:
    before: list[Any] = []
    if not fresh:
        before = rows(job.run(config(shards, tmp_path, ASIDE), spark=spark).table)
        aside = rows(tmp_path / "table_quarantine")

    def fail(model: PipelineModel, path: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PipelineModel, "save", fail)
    with pytest.raises(GensparkError, match=r"model\.path: .* cannot be written \(No space left on device\)"):
        job.run(config(shards, tmp_path, ASIDE.replace("threshold: 2", "threshold: 1")), spark=spark)
    if fresh:
        assert not (tmp_path / "table").exists()
        assert not (tmp_path / "table_quarantine").exists()
    else:
        assert rows(tmp_path / "table") == before
        assert rows(tmp_path / "table_quarantine") == aside


def test_rows_that_do_not_add_up_stop_the_run(
    spark: Any, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = delta.write

    def lossy(frame: Any, *others: Any) -> Any:
        return real(frame.filter("id <> 1"), *others)

    monkeypatch.setattr(delta, "write", lossy)
    with pytest.raises(DataError, match="rows do not add up: read 6, written 5 of 6"):
        job.run(config(shards, tmp_path), spark=spark)
    assert not (tmp_path / "table").exists()


def test_a_value_outside_the_domain_stops_the_run_and_leaves_the_table(
    spark: Any, shards: Path, tmp_path: Path
) -> None:
    before = job.run(config(shards, tmp_path), spark=spark)
    with gzip.open(shards / "c.csv.gz", "wt") as stream:
        stream.write("id,g,v\n7,x,-4.0\n")
    with pytest.raises(DataError, match=r"transform: column 'v' has the value -4\.0, outside the log domain"):
        job.run(config(shards, tmp_path, "[transform: {columns: v, function: log}]"), spark=spark)
    assert deltalake.DeltaTable(before.table).version() == before.table_version


@pytest.mark.parametrize("content", ["id,g,v\n", "id,g,v\n1,x,5.0\n"], ids=["no row", "one row"])
def test_little_input_has_a_result(spark: Any, tmp_path: Path, content: str) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    with gzip.open(folder / "a.csv.gz", "wt") as stream:
        stream.write(content)
    steps = "[cast: {columns: {v: float64}}, impute: {columns: v}, outliers: {columns: v}, scale: {columns: v}]"
    report = job.run(config(folder, tmp_path, steps), spark=spark)
    expected = [(1, "x", 0.0)] if "5.0" in content else []
    assert rows(report.table) == expected


def test_plan_reads_no_data_and_makes_no_table(spark: Any, shards: Path, tmp_path: Path) -> None:
    plan = job.plan(config(shards, tmp_path, DROP), spark=spark)
    assert "scan 1 (level 0)" in plan.explain()
    assert not (tmp_path / "table").exists()


def test_the_report_is_json(spark: Any, shards: Path, tmp_path: Path) -> None:
    report = json.loads(json.dumps(job.run(config(shards, tmp_path, DROP), spark=spark).to_json()))
    assert set(report["seconds"]) == {"session", "plan", "fit", "write", "total"}
    assert report["counts"] == [
        {"step": "impute", "what": "filled", "values": 1},
        {"step": "outliers", "what": "zscore", "values": 1},
    ]


def test_a_model_fitted_into_the_sinks_folder_is_kept_by_transform(spark: Any, shards: Path, tmp_path: Path) -> None:
    model = job.fit(config(shards, tmp_path, DROP), spark=spark)
    report = job.transform(config(shards, tmp_path, DROP), spark=spark)
    assert report.rows_written == 5
    assert report.model_sha256 == model.sha256


def test_put_back_undoes_properties_too(
    spark: Any, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: PipelineModel, path: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PipelineModel, "save", fail)
    with pytest.raises(GensparkError):
        job.run(config(shards, tmp_path, sink="mode: overwrite, properties: {team: trips}"), spark=spark)
    assert not (tmp_path / "table").exists()


def test_the_reported_version_is_the_tables_last(spark: Any, shards: Path, tmp_path: Path) -> None:
    report = job.run(config(shards, tmp_path, sink="mode: overwrite, properties: {team: trips}"), spark=spark)
    assert deltalake.DeltaTable(report.table).version() == report.table_version


def test_named_partitions_of_a_table_that_is_not_there_yet(spark: Any, shards: Path, tmp_path: Path) -> None:
    sink = "mode: overwrite, partition_by: g, partitions: {g: [x, y]}"
    for _ in range(2):
        report = job.run(config(shards, tmp_path, sink=sink), spark=spark)
    assert deltalake.DeltaTable(report.table).metadata().partition_columns == ["g"]
    assert len(rows(report.table)) == 6


def test_a_model_that_needs_an_absent_column_is_refused(spark: Any, shards: Path, tmp_path: Path) -> None:
    job.fit(config(shards, tmp_path, DROP), spark=spark)
    for shard in shards.iterdir():
        shard.write_bytes(gzip.compress(b"id,g,w\n1,x,2.0\n"))
    with pytest.raises(GensparkError, match="the model needs column 'v'"):
        job.transform(config(shards, tmp_path), spark=spark)


def test_a_delta_source_by_a_relative_path(spark: Any, shards: Path, tmp_path: Path) -> None:
    job.run(config(shards, tmp_path), spark=spark)
    relative = os.path.relpath(tmp_path / "table")
    text = f"name: again\nsource: {{path: {relative}, format: delta}}\nsink: {{path: {tmp_path}/again}}"
    assert job.run(JobConfig.from_text(text), spark=spark).rows_written == 6
