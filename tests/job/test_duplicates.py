"""Duplicates in whole jobs: equal rows, shards that come later, runs that fail, rows that are erased."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from genspark import JobConfig, PipelineModel, job
from genspark.cli import main
from genspark.errors import PlanError
from genspark.job import models
from genspark.steps.deduplicate import members
from genspark.steps.deduplicate.index import erase
from genspark.storage.spill import save

ENGINES = ["polars", "tasks", pytest.param("spark", marks=pytest.mark.exhaustive)]
FOX = "the quick brown fox jumps over the lazy dog and runs far away from the big old house"


def shard(tmp_path: Path, name: str, **columns: list[Any]) -> None:
    (tmp_path / "in").mkdir(exist_ok=True)
    pl.DataFrame(columns).write_parquet(tmp_path / "in" / f"{name}.parquet")


def config(
    tmp_path: Path, *steps: str, engine: str = "polars", sink: str = "mode: append", more: str = ""
) -> JobConfig:
    name = "spark-polars" if engine == "tasks" else engine
    listed = "".join(f"\n  - {step}" for step in steps)
    return JobConfig.from_text(
        f"name: distinct\nengine: {name}\nsource: {{path: '{tmp_path}/in', format: parquet}}\n"
        f"steps:{listed}\nsink: {{path: '{tmp_path}/out', {sink}}}\n{more}"
    )


def ids(tmp_path: Path) -> list[int]:
    return pl.read_delta(str(tmp_path / "out"))["id"].sort().to_list()


@pytest.mark.parametrize("engine", ENGINES)
def test_one_of_wholly_equal_rows_stays(engine: str, start: Callable[[str], str], tmp_path: Path) -> None:
    start(engine)
    shard(tmp_path, "a", id=[1, 2, 1, 1], s=["a", "b", "a", "a"])
    shard(tmp_path, "b", id=[1, 3, 2], s=["a", "b", "b"])
    report = job.run(config(tmp_path, "deduplicate: {action: quarantine}", engine=engine, sink="mode: overwrite"))
    assert (report.rows_read, report.rows_written, report.rows_quarantined, report.row_ids_shared) == (7, 3, 4, 0)
    assert ids(tmp_path) == [1, 2, 3]
    aside = pl.read_delta(str(tmp_path / "out_quarantine"))
    (reason,) = aside.filter(pl.col("id") == 2)["_reasons"].to_list()[0]
    stays = pl.read_delta(str(tmp_path / "out")).filter(pl.col("id") == 2)["_row_id"][0]
    assert (reason["rule"], reason["value"]) == ("duplicate", float((stays % (1 << 64)) >> 11))


def test_the_quarantine_names_the_cluster_as_a_whole_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard(tmp_path, "a", id=[1, 2, 1])
    job.run(config(tmp_path, "deduplicate: {action: quarantine}", sink="mode: overwrite"))
    stays = pl.read_delta(str(tmp_path / "out")).filter(pl.col("id") == 1)["_row_id"][0]
    assert main(["quarantine", str(tmp_path / "out")]) == 0
    assert f"deduplicate id duplicate: cluster {(stays % (1 << 64)) >> 11}; " in capsys.readouterr().out


@pytest.mark.parametrize("engine", ENGINES)
def test_new_shards_are_held_against_an_index(engine: str, start: Callable[[str], str], tmp_path: Path) -> None:
    start(engine)
    steps = ["deduplicate: {text: t, keep: {min: id}}"]
    shard(tmp_path, "a", id=[1, 2, 3], t=[FOX, FOX.upper(), "something else"])
    assert job.run(config(tmp_path, *steps, engine=engine)).rows_written == 2
    # The old rows are not read again: nothing is left to read.
    (tmp_path / "in" / "a.parquet").write_bytes(b"no Parquet any more")
    shard(tmp_path, "b", id=[0, 4, 5], t=[FOX.replace("house", "barn"), "a new sentence that nobody has said", "?"])
    second = job.run(config(tmp_path, *steps, engine=engine))
    assert (second.rows_read, second.rows_written, second.rows_dropped) == (3, 2, 1)
    shard(tmp_path, "c", id=[6, 7], t=["A new sentence, that nobody has said!", "something else"])
    assert job.run(config(tmp_path, *steps, engine=engine)).rows_written == 0
    assert ids(tmp_path) == [1, 3, 4, 5]


def test_a_run_that_fails_leaves_no_index_of_rows_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ["deduplicate: {columns: s}"]
    shard(tmp_path, "a", id=[1], s=["a"])
    job.run(config(tmp_path, *steps))
    shard(tmp_path, "b", id=[2, 3], s=["b", "a"])
    with monkeypatch.context() as patched:
        patched.setattr(models, "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            job.run(config(tmp_path, *steps))
    assert ids(tmp_path) == [1]
    assert len(list((tmp_path / "out" / "_genspark" / "duplicates").iterdir())) == 1
    assert job.run(config(tmp_path, *steps)).rows_written == 1
    assert ids(tmp_path) == [1, 2]


def test_many_duplicates_lie_in_a_file_beside_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MOST_INSIDE", 0)
    shard(tmp_path, "a", id=[1, 2, 3], s=["a", "a", "b"])
    report = job.run(config(tmp_path, "deduplicate: {columns: s, keep: {max: id}}", more="key: id"))
    assert ids(tmp_path) == [2, 3]
    again = PipelineModel.load(report.model)
    assert Path(again.parameters[0]["members"]["path"]).parent == tmp_path / "out" / "_genspark" / "duplicates"
    assert again.transform(pl.read_parquet(tmp_path / "in" / "a.parquet"))["id"].to_list() == [2, 3]


def test_erased_rows_are_not_in_the_index(tmp_path: Path) -> None:
    steps = ["deduplicate: {text: t}"]
    shard(tmp_path, "a", id=[1, 2], t=[FOX, "something else"])
    report = job.run(config(tmp_path, *steps, more="key: id"))
    table = pl.read_delta(str(tmp_path / "out"))
    index = PipelineModel.load(report.model).parameters[0]["index"]
    gone = table.filter(pl.col("id") == 1)["_row_id"].to_list()
    assert (erase(index, gone), erase(index, gone)) == (1, 0)
    left = [pl.read_ipc(path) for files in index for path in (files["rows"], *files["contents"])]
    assert [frame.height for frame in left] == [1, 1]
    shard(tmp_path, "b", id=[3, 4], t=[FOX, "Something else!"])
    assert job.run(config(tmp_path, *steps, more="key: id")).rows_written == 1


def test_where_the_disk_is_full_an_index_stays_as_it_was(tmp_path: Path) -> None:
    rows = pl.DataFrame({"key": range(10_000), "first": range(10_000), "second": range(10_000)})
    save(rows, str(tmp_path / "index.arrow"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            erase([{"rows": str(tmp_path / "index.arrow"), "contents": []}], [7])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (alone,) = tmp_path.iterdir()
    assert pl.read_ipc(alone).equals(rows)


def test_no_cluster_is_in_two_parts(tmp_path: Path) -> None:
    texts = [f"{FOX} {number // 4}" for number in range(400)]
    shard(tmp_path, "a", id=list(range(400)), t=texts)
    steps = ["deduplicate: {text: t, action: flag, threshold: 1.0}"]
    steps += ["split: {fractions: {train: 0.5, test: 0.5}, cluster: cluster}"]
    report = job.run(config(tmp_path, *steps, more="key: id"))
    table = pl.read_delta(str(tmp_path / "out")).with_columns(of=pl.col("id") // 4)
    assert table["cluster"].n_unique() == 100
    assert table.group_by("of").agg(pl.col("cluster").n_unique(), pl.col("split").n_unique()).select(
        pl.col("cluster", "split").max()
    ).row(0) == (1, 1)
    assert 25 < table.group_by("of").agg(pl.col("split").first()).filter(pl.col("split") == "train").height < 75
    assert [(count.what, count.values) for count in report.counts] == [("in clusters", 400)]


def test_a_refit_by_kept_statistics_is_refused(tmp_path: Path) -> None:
    shard(tmp_path, "a", id=[1], s=["a"])
    with pytest.raises(PlanError, match=r"steps\[0\].deduplicate: .* set refit: never"):
        job.run(config(tmp_path, "deduplicate: {columns: s}", more="refit: update"))
    with pytest.raises(PlanError, match="fit without --update"):
        job.fit_update(config(tmp_path, "deduplicate: {columns: s}"))
