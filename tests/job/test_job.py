"""A job from end to end on small data: modes, sums, what is put back, and how often data is read."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pytest

from genspark import JobConfig, PipelineModel, job
from genspark.errors import DataError, GensparkError, PlanError, SinkError, TargetError
from genspark.sinks.formats.delta import DeltaRs
from genspark.sinks.on_spark.delta import DeltaSpark
from genspark.sinks.table import Commit


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Two gzip-compressed shards of six rows: one value missing, one far out."""
    folder = tmp_path / "shards"
    folder.mkdir()
    for name, rows in {"a": ["1,x,1.0", "2,x,", "3,y,3.0"], "b": ["4,y,2.0", "5,x,2.0", "6,y,90.0"]}.items():
        with gzip.open(folder / f"{name}.csv.gz", "wt") as stream:
            stream.write("\n".join(["id,g,v", *rows]) + "\n")
    return folder


Config = Callable[..., JobConfig]
ENGINES = {
    "spark": "engine: spark",
    "polars": "engine: polars",
    "tasks": "engine: spark-polars",
    "spark-polars": "engine: spark-polars",
    "spark-arrow": "engine: spark",
}
LAST_STEPS = ((DeltaSpark, "commit"), (DeltaRs, "commit"))
# Spark commits through Delta's own writer, Polars through delta-rs: the others differ in where the work is done.
tasks_of_spark, arrow_of_spark = (
    pytest.param(name, marks=pytest.mark.exhaustive) for name in ("spark-polars", "spark-arrow")
)
on_every_writer = pytest.mark.parametrize(
    "engine", ["spark", "polars", "tasks", tasks_of_spark, arrow_of_spark], indirect=True
)
failing_on_every_writer = pytest.mark.parametrize(
    "engine", ["spark", "polars", "tasks", tasks_of_spark, "spark-arrow"], indirect=True
)


@pytest.fixture(params=["spark", "polars", "tasks", tasks_of_spark])
def engine(request: pytest.FixtureRequest, start: Callable[[str], str]) -> str:
    """The engine at work, as `start` names it."""
    start(request.param)
    return str(request.param)


@pytest.fixture
def config(engine: str, shards: Path, tmp_path: Path) -> Config:
    """`config(steps, sink, more)`: a job on the shards, on the engine."""

    def make(steps: str = "[]", sink: str = "mode: overwrite", more: str = "", out: str = "table") -> JobConfig:
        writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
        return JobConfig.from_text(
            f"name: small\n{ENGINES[engine]}\nkey: [id]\n"
            f"source: {{path: '{shards}/*.csv.gz', format: csv, split_size: 1}}\n"
            f"steps: {steps}\nsink: {{lineage: false, path: {tmp_path}/{out}, {sink}{writer}}}\n{more}"
        )

    return make


def full_after_the_commit(first: Callable[[], None] = lambda: None) -> Callable[[PipelineModel, str], None]:
    """`PipelineModel.save` that finds the disk full at the model's own path, where it is saved once the rows are in."""
    save = PipelineModel.save

    def fail(model: PipelineModel, path: str) -> None:
        if not path.endswith("/model.json"):
            return save(model, path)
        first()
        raise OSError(28, "No space left on device")

    return fail


def rows(path: Path | str) -> list[tuple[Any, ...]]:
    return sorted(pl.read_delta(str(path)).rows())


DROP = "[impute: {columns: v, strategy: median}, outliers: {columns: v, threshold: 2, action: drop}]"
ASIDE = DROP.replace("drop", "quarantine")


@pytest.mark.connect("engine")
@on_every_writer
def test_written_dropped_and_quarantined_add_up_to_what_was_read(config: Config, tmp_path: Path) -> None:
    report = job.run(config(DROP))
    assert (report.rows_read, report.rows_written, report.rows_dropped, report.rows_quarantined) == (6, 5, 1, 0)
    assert rows(tmp_path / "table") == [(1, "x", 1.0), (2, "x", 2.0), (3, "y", 3.0), (4, "y", 2.0), (5, "x", 2.0)]


def test_a_job_without_a_quarantine_reads_the_data_once_to_fit_and_once_to_write(config: Config) -> None:
    report = job.run(config(DROP))
    assert report.passes == {"schema": 1, "fit": 1, "write": 1}


@pytest.mark.connect("engine")
def test_the_quarantine_has_the_row_the_reasons_and_the_file(config: Config) -> None:
    report = job.run(config(ASIDE))
    (row,) = pl.read_delta(report.quarantine).rows(named=True)
    assert (row["id"], row["g"], row["v"], row["_run_id"]) == (6, "y", 90.0, report.run_id)
    assert row["_file"].endswith("shards/b.csv.gz")
    (reason,) = row["_reasons"]
    assert (reason["step"], reason["column"], reason["rule"], reason["value"]) == ("outliers", "v", "zscore", 90.0)
    assert 2.0 < reason["threshold"] < 90.0


def test_no_quarantine_table_is_made_for_no_rows(config: Config, tmp_path: Path) -> None:
    steps = ASIDE.replace("threshold: 2", "threshold: 50")
    report = job.run(config(steps))
    assert report.quarantine is None
    assert not (tmp_path / "table_quarantine").exists()


@pytest.mark.connect("engine")
def test_corrupt_records_go_to_the_quarantine_with_their_text(config: Config, shards: Path) -> None:
    with gzip.open(shards / "c.csv.gz", "wt") as stream:
        stream.write("id,g,v\n7,x,1.0,too,many\n8,y,2.0\n")
    report = job.run(config(DROP))
    assert (report.rows_read, report.rows_written, report.rows_dropped, report.rows_quarantined) == (8, 6, 1, 1)
    (row,) = pl.read_delta(report.quarantine).rows(named=True)
    assert row["_corrupt_record"] == "7,x,1.0,too,many"
    assert row["_file"].endswith("c.csv.gz")
    assert [(r["step"], r["rule"]) for r in row["_reasons"]] == [("source", "corrupt record")]


def test_corrupt_records_are_told_even_where_nothing_is_fitted(config: Config, shards: Path) -> None:
    with gzip.open(shards / "c.csv.gz", "wt") as stream:
        stream.write("id,g,v\n7,x,1.0,too,many\n")
    assert job.run(config()).rows_quarantined == 1


@on_every_writer
def test_overwrite_keeps_history_and_properties(config: Config) -> None:
    sink = "mode: overwrite, properties: {delta.logRetentionDuration: interval 60 days, team: trips}"
    first = job.run(config(sink=sink))
    again = job.run(config(DROP))
    table = deltalake.DeltaTable(again.table)
    assert table.version() == again.table_version > first.table_version
    assert table.metadata().configuration["delta.logRetentionDuration"] == "interval 60 days"
    assert table.metadata().configuration["team"] == "trips"
    assert len(rows(again.table)) == 5


@on_every_writer
def test_append_adds_rows(config: Config) -> None:
    for _ in range(2):
        report = job.run(config(sink="mode: append, partition_by: g"), force=True)
    assert report.rows_written == 6
    assert len(rows(report.table)) == 12


@pytest.mark.connect("engine")
@on_every_writer
def test_named_partitions_alone_are_overwritten(config: Config, shards: Path) -> None:
    job.run(config(sink="mode: overwrite, partition_by: g"))
    for name in ("a", "b"):
        with gzip.open(shards / f"{name}.csv.gz", "wt") as stream:
            stream.write("id,g,v\n100,y,5.0\n")
    sink = "mode: overwrite, partition_by: g, partitions: {g: [y]}"
    report = job.run(config(sink=sink))
    assert sorted(row[0] for row in rows(report.table)) == [1, 2, 5, 100, 100]


@on_every_writer
def test_a_row_of_another_partition_stops_an_overwrite_of_named_ones(config: Config) -> None:
    before = job.run(config(sink="mode: overwrite, partition_by: g"))
    sink = "mode: overwrite, partition_by: g, partitions: {g: [y]}"
    with pytest.raises(GensparkError, match=r"sink\.partitions: .* filter the source"):
        job.run(config(sink=sink))
    assert deltalake.DeltaTable(before.table).version() == before.table_version


@on_every_writer
def test_mode_error_leaves_a_table_that_is_there(config: Config) -> None:
    before = job.run(config())
    with pytest.raises(SinkError, match=r"is already a table; set sink\.mode to overwrite or append"):
        job.run(config(sink="mode: error"))
    assert deltalake.DeltaTable(before.table).version() == before.table_version


@pytest.mark.parametrize("engine", ["tasks"], indirect=True)
def test_files_per_partition_needs_another_engine_than_spark_polars(config: Config) -> None:
    told = r"engine: spark-polars cannot run this job: sink\.files_per_partition .*; engine: polars or spark can"
    with pytest.raises(PlanError, match=told):
        job.run(config(sink="files_per_partition: 2"))


@pytest.mark.parametrize("engine", ["spark", "polars", arrow_of_spark], indirect=True)
def test_files_per_partition_bounds_the_files(config: Config, shards: Path) -> None:
    with gzip.open(shards / "c.csv.gz", "wt") as stream:
        stream.write("id,g,v\n" + "".join(f"{n},{'xy'[n % 2]},1.0\n" for n in range(100)))
    for files in (1, 2):
        sink = f"mode: overwrite, partition_by: g, files_per_partition: {files}"
        report = job.run(config(sink=sink))
        assert report.files_written == 2 * files


@pytest.mark.connect("engine")
def test_fit_then_transform_writes_what_run_does(config: Config, tmp_path: Path) -> None:
    ran = rows(job.run(config(DROP)).table)
    apart = config(DROP, out="apart", more=f"model: {{path: {tmp_path}/model.json}}")
    model = job.fit(apart)
    assert PipelineModel.load(str(tmp_path / "model.json")).sha256 == model.sha256
    assert not (tmp_path / "apart").exists()
    report = job.transform(apart)
    assert rows(report.table) == ran
    assert report.scans == 0


def test_transform_without_a_model_says_where_it_looked(config: Config) -> None:
    with pytest.raises(GensparkError, match=r"model\.json: there is no model here; fit one first"):
        job.transform(config(DROP))


@pytest.mark.connect("engine")
@failing_on_every_writer
@pytest.mark.parametrize("fresh", [True, False])
def test_a_failure_after_the_commit_puts_table_and_quarantine_back(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fresh: bool
) -> None:
    before: list[Any] = []
    if not fresh:
        before = rows(job.run(config(ASIDE)).table)
        aside = rows(tmp_path / "table_quarantine")

    monkeypatch.setattr(PipelineModel, "save", full_after_the_commit())
    with pytest.raises(GensparkError, match=r"model\.path: .* cannot be written \(No space left on device\)"):
        job.run(config(ASIDE.replace("threshold: 2", "threshold: 1")))
    if fresh:
        assert not (tmp_path / "table").exists()
        assert not (tmp_path / "table_quarantine").exists()
    else:
        assert rows(tmp_path / "table") == before
        assert rows(tmp_path / "table_quarantine") == aside


@failing_on_every_writer
def test_rows_that_do_not_add_up_stop_the_run(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(write: Callable[..., Commit]) -> Callable[..., Commit]:
        def less(*given: Any) -> Commit:
            done = write(*given)
            return replace(done, rows=done.rows - 1)

        return less

    for module, name in LAST_STEPS:
        monkeypatch.setattr(module, name, lossy(getattr(module, name)))
    with pytest.raises(DataError, match="rows do not add up: read 6, written 5"):
        job.run(config())
    assert not (tmp_path / "table").exists()


def test_a_value_outside_the_domain_stops_the_run_and_leaves_the_table(config: Config, shards: Path) -> None:
    before = job.run(config())
    with gzip.open(shards / "c.csv.gz", "wt") as stream:
        stream.write("id,g,v\n7,x,-4.0\n")
    with pytest.raises(DataError, match=r"transform: column 'v' has the value -4\.0, outside the log domain"):
        job.run(config("[transform: {columns: v, function: log}]"))
    assert deltalake.DeltaTable(before.table).version() == before.table_version


@pytest.mark.parametrize("content", ["id,g,v\n", "id,g,v\n1,x,5.0\n"], ids=["no row", "one row"])
def test_little_input_has_a_result(config: Config, shards: Path, content: str) -> None:
    (shards / "b.csv.gz").unlink()
    with gzip.open(shards / "a.csv.gz", "wt") as stream:
        stream.write(content)
    steps = "[cast: {columns: {v: float64}}, impute: {columns: v}, outliers: {columns: v}, scale: {columns: v}]"
    report = job.run(config(steps))
    expected = [(1, "x", 0.0)] if "5.0" in content else []
    assert rows(report.table) == expected


def test_plan_reads_no_data_and_makes_no_table(config: Config, tmp_path: Path) -> None:
    plan = job.plan(config(DROP))
    assert "scan 1 (level 0)" in plan.explain()
    assert not (tmp_path / "table").exists()


def test_the_report_is_json(config: Config) -> None:
    report = json.loads(json.dumps(job.run(config(DROP)).to_json()))
    assert set(report["seconds"]) == {"session", "plan", "fit", "write", "total"}
    assert report["counts"] == [
        {"step": "impute", "what": "filled", "values": 1},
        {"step": "outliers", "what": "zscore", "values": 1},
    ]


def test_a_model_fitted_into_the_sinks_folder_is_kept_by_transform(config: Config) -> None:
    model = job.fit(config(DROP))
    report = job.transform(config(DROP))
    assert report.rows_written == 5
    assert report.model_sha256 == model.sha256


def test_put_back_undoes_properties_too(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PipelineModel, "save", full_after_the_commit())
    with pytest.raises(GensparkError):
        job.run(config(sink="mode: overwrite, properties: {team: trips}"))
    assert not (tmp_path / "table").exists()


def test_the_reported_version_is_the_tables_last(config: Config) -> None:
    report = job.run(config(sink="mode: overwrite, properties: {team: trips}"))
    assert deltalake.DeltaTable(report.table).version() == report.table_version


def test_named_partitions_of_a_table_that_is_not_there_yet(config: Config) -> None:
    sink = "mode: overwrite, partition_by: g, partitions: {g: [x, y]}"
    for _ in range(2):
        report = job.run(config(sink=sink))
    assert deltalake.DeltaTable(report.table).metadata().partition_columns == ["g"]
    assert len(rows(report.table)) == 6


def test_a_model_that_needs_an_absent_column_is_refused(config: Config, shards: Path) -> None:
    job.fit(config(DROP))
    for shard in shards.iterdir():
        shard.write_bytes(gzip.compress(b"id,g,w\n1,x,2.0\n"))
    with pytest.raises(GensparkError, match="the model needs column 'v'"):
        job.transform(config())


def test_a_delta_source_by_a_relative_path(config: Config, tmp_path: Path) -> None:
    job.run(config())
    relative = os.path.relpath(tmp_path / "table")
    text = f"name: again\nsource: {{path: {relative}, format: delta}}\nsink: {{path: {tmp_path}/again, lineage: false}}"
    assert job.run(JobConfig.from_text(text)).rows_written == 6


def texts(shards: Path, **contents: str) -> None:
    """Replace the shards by these."""
    for shard in shards.iterdir():
        shard.unlink()
    for name, content in contents.items():
        (shards / f"{name}.csv.gz").write_bytes(gzip.compress(content.encode()))


def seen(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".crc"}


@on_every_writer
def test_an_overwrite_may_change_columns_and_partitions(config: Config, shards: Path) -> None:
    first = "mode: overwrite, partition_by: g, properties: {delta.logRetentionDuration: interval 60 days, team: trips}"
    job.run(config(sink=first))
    texts(shards, a="id,h,w\n1,p,text\n2,q,more\n")
    for sink in ("mode: overwrite, partition_by: h", "mode: overwrite"):
        report = job.run(config(sink=sink))
        assert rows(report.table) == [(1, "p", "text"), (2, "q", "more")]
        metadata = deltalake.DeltaTable(report.table).metadata()
        assert metadata.partition_columns == (["h"] if "h" in sink else [])
        assert metadata.configuration["delta.logRetentionDuration"] == "interval 60 days"
        assert metadata.configuration["team"] == "trips"


@on_every_writer
@pytest.mark.parametrize(
    "sink",
    [
        "mode: append",
        pytest.param("mode: overwrite, partition_by: g, partitions: {g: [x, y]}", marks=pytest.mark.exhaustive),
    ],
)
def test_rows_of_other_columns_do_not_enter_a_table_that_keeps_some(config: Config, shards: Path, sink: str) -> None:
    before = job.run(config(sink="mode: overwrite, partition_by: g"))
    told = {
        "id,g,v\n1,x,text\n": "column 'v' is String in the rows and Float64 in the table",
        "id,g,v,w\n1,x,1.0,2.0\n": "'w' is not a column of the table",
        "id,g\n1,x\n": "the rows have no column 'v'",
    }
    for content, why in told.items():
        texts(shards, a=content)
        with pytest.raises(TargetError, match=rf"sink\.schema: {why}.*; .*sink\.schema: evolve"):
            job.run(config(sink=sink), force=True)
        assert deltalake.DeltaTable(before.table).version() == before.table_version


@on_every_writer
@pytest.mark.parametrize(
    "sink",
    [
        "mode: append",
        pytest.param("mode: overwrite, partition_by: g, partitions: {g: [x]}", marks=pytest.mark.exhaustive),
    ],
)
def test_a_table_that_evolves_takes_rows_of_other_columns(config: Config, shards: Path, sink: str) -> None:
    texts(shards, a="id,g,v\n4294967296,x,1.0\n6,y,90.0\n")
    first = job.run(config(sink="mode: overwrite, partition_by: g"))
    # Fewer columns, one that is new, and whole numbers that are narrower.
    texts(shards, a="id,g,w\n7,x,new\n")
    report = job.run(config(sink=f"{sink}, schema: evolve"), force=True)
    assert report.table_version == first.table_version + 1
    read = pl.read_delta(report.table)
    assert {(7, "x", None, "new"), (6, "y", 90.0, None)} <= set(read.select("id", "g", "v", "w").rows())
    assert read.schema["id"] == pl.Int64
    texts(shards, a="id,g,v\n1,x,text\n")
    with pytest.raises(
        TargetError, match="column 'v' is String .*; a wider type is one that not every reader would open"
    ):
        job.run(config(sink=f"{sink}, schema: evolve"), force=True)


def test_rows_without_the_tables_partition_are_refused(config: Config, shards: Path) -> None:
    job.run(config(sink="mode: overwrite, partition_by: g"))
    texts(shards, a="id,v\n1,1.0\n")
    with pytest.raises(TargetError, match="'g' is not a column of the result"):
        job.run(config(sink="mode: append"), force=True)


@pytest.mark.parametrize("engine", ["polars", "tasks", tasks_of_spark, arrow_of_spark], indirect=True)
@pytest.mark.parametrize(
    ("demand", "told"),
    [
        ({"delta.constraints.small": "id < 3"}, r"the constraint small \(id < 3\)"),
        ({"delta.columnMapping.mode": "name"}, "mapped column names"),
    ],
)
def test_a_table_that_only_spark_may_write_is_refused(config: Config, tmp_path: Path, demand: Any, told: str) -> None:
    ids = pl.DataFrame({"id": [1]})
    ids.write_delta(tmp_path / "table")
    # As another writer leaves it: the log alone is what counts.
    log = tmp_path / "table" / "_delta_log" / f"{0:020}.json"
    log.write_text(log.read_text().replace('"configuration":{}', f'"configuration":{json.dumps(demand)}'))
    with pytest.raises(TargetError, match=f"demands what only Spark heeds .*{told}.*set engine: spark"):
        job.run(config(sink="mode: append"))


def test_an_append_only_table_is_not_overwritten(config: Config) -> None:
    before = job.run(config(sink="mode: overwrite, properties: {delta.appendOnly: 'true'}"))
    with pytest.raises(TargetError, match=r"sink\.mode: .* is append-only"):
        job.run(config())
    assert job.run(config(sink="mode: append"), force=True).table_version == before.table_version + 1


@on_every_writer
def test_files_have_no_more_rows_than_asked_for(config: Config, shards: Path) -> None:
    texts(shards, a="id,g,v\n" + "".join(f"{n},x,1.0\n" for n in range(100)))
    report = job.run(config(sink="mode: overwrite, max_records_per_file: 30"))
    counts = pl.DataFrame(deltalake.DeltaTable(report.table).get_add_actions())["num_records"]
    assert sum(counts) == 100
    assert max(counts) <= 30


@on_every_writer
def test_appended_rows_take_the_tables_partitions_and_order(config: Config, shards: Path) -> None:
    job.run(config(sink="mode: overwrite, partition_by: g"))
    texts(shards, a="g,v,id\nz,7.5,7\n")
    report = job.run(config(sink="mode: append"), force=True)
    assert rows(report.table)[-1] == (7, "z", 7.5)
    assert deltalake.DeltaTable(report.table).metadata().partition_columns == ["g"]


def test_the_quarantine_grows_columns(config: Config, shards: Path) -> None:
    job.run(config(ASIDE))
    texts(shards, a="id,w,v\n" + "".join(f"{n},p,{v}\n" for n, v in enumerate((1.0, 2.0, 2.0, 3.0, 2.0, 90.0))))
    report = job.run(config(ASIDE))
    table = pl.read_delta(report.quarantine).sort("id")
    assert table.select("id", "g", "w", "v").rows() == [(5, None, "p", 90.0), (6, "y", None, 90.0)]
    assert [r["rule"] for reasons in table["_reasons"] for r in reasons] == ["zscore", "zscore"]


@failing_on_every_writer
@pytest.mark.parametrize("fresh", [True, False])
def test_a_failure_before_the_commit_leaves_no_file(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    before, aside = set(), []
    if not fresh:
        job.run(config(ASIDE))
        before, aside = seen(tmp_path / "table"), rows(tmp_path / "table_quarantine")

    def fail(*given: Any) -> None:
        raise SinkError("sink.path: no")

    for module, name in LAST_STEPS:
        monkeypatch.setattr(module, name, fail)
    with pytest.raises(SinkError, match="sink.path: no"):
        job.run(config(ASIDE, sink="mode: append"), force=True)
    assert seen(tmp_path / "table") == before
    assert (tmp_path / "table").exists() is not fresh
    if fresh:
        assert not (tmp_path / "table_quarantine").exists()
    else:
        assert rows(tmp_path / "table_quarantine") == aside


@failing_on_every_writer
def test_a_failure_after_anothers_commit_leaves_that_alone(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.run(config())

    def another() -> None:
        pl.DataFrame({"id": [100], "g": ["z"], "v": [1.0]}, schema_overrides={"id": pl.Int32}).write_delta(
            tmp_path / "table", mode="append"
        )

    monkeypatch.setattr(PipelineModel, "save", full_after_the_commit(another))
    with pytest.raises(GensparkError, match="No space left"):
        job.run(config(sink="mode: append"), force=True)
    assert len(rows(tmp_path / "table")) == 13


# RESTORE through Spark takes long, and another test has it.
@pytest.mark.parametrize(
    "engine",
    [pytest.param("spark", marks=pytest.mark.exhaustive), "polars", "tasks", tasks_of_spark, arrow_of_spark],
    indirect=True,
)
def test_put_back_brings_columns_and_properties_back(
    config: Config, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.run(config(sink="mode: overwrite, partition_by: g, properties: {team: trips}"))
    before, metadata = rows(tmp_path / "table"), deltalake.DeltaTable(tmp_path / "table").metadata()
    texts(shards, a="id,h\n1,p\n")

    monkeypatch.setattr(PipelineModel, "save", full_after_the_commit())
    with pytest.raises(GensparkError, match="No space left"):
        job.run(config(sink="mode: overwrite, partition_by: h, properties: {team: others}"))
    now = deltalake.DeltaTable(tmp_path / "table").metadata()
    assert rows(tmp_path / "table") == before
    assert (now.partition_columns, now.configuration) == (metadata.partition_columns, metadata.configuration)


@on_every_writer
def test_every_commit_tells_of_its_run(config: Config, tmp_path: Path) -> None:
    again = config(ASIDE, sink="mode: overwrite, properties: {team: a}")
    reports = [job.run(again, force=force) for force in (False, True)]
    for folder in ("table", "table_quarantine"):
        commits = deltalake.DeltaTable(tmp_path / folder).history()
        told = [json.loads(commit["userMetadata"]) for commit in commits]
        assert {one["run_id"] for one in told} == {report.run_id for report in reports}
        for one in told:
            source = {"source", "source_list", "rules_sha256", "mode"}
            own = {"genspark", "run_id", "job", "config_sha256", "model_sha256", "model_file", *source}
            # Spark's writer sets properties in commits of their own, which are not the run's.
            assert set(one) - {"rows", "counts", "key"} == own
            assert (one["job"], one["source"]["format"], one["source"]["files"]) == ("small", "csv", 2)
        assert {one["model_sha256"] for one in told} == {report.model_sha256 for report in reports}
