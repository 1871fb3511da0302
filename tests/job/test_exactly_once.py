"""A run happens once: the same again, one that was killed at work, and two at the same time."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pyarrow.dataset as ds
import pytest

from genspark import JobConfig, PipelineModel, job
from genspark.cli import main
from genspark.errors import SinkError, TargetError
from genspark.job import ledger
from genspark.job.publishing import Publication
from genspark.sinks.formats.delta import DeltaRs
from genspark.sinks.marks import Mark, marks_of

ENGINES = ["polars", "tasks", "spark", pytest.param("spark-arrow", marks=pytest.mark.exhaustive)]
MODES = ["overwrite", "append"]


def shard(folder: Path, name: str, *values: float) -> None:
    folder.mkdir(exist_ok=True)
    keys = [f"{name}{n}" for n in range(len(values))]
    pl.DataFrame({"k": keys, "v": values}).write_parquet(folder / f"{name}.parquet")


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Ten rows, of which the last is set aside."""
    shard(tmp_path / "in", "a", 1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 90.0)
    return tmp_path / "in"


def text(shards: Path, sink: str = "mode: append", engine: str = "polars", more: str = "") -> str:
    writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
    name = "spark-polars" if engine == "tasks" else engine.removesuffix("-arrow")
    return (
        f"name: once\nengine: {name}\nkey: k\nsource: {{path: '{shards}', format: parquet}}\n"
        "steps: [outliers: {columns: v, threshold: 2, action: quarantine}, scale: {columns: v, method: minmax}]\n"
        f"sink: {{path: '{shards.parent}/out', {sink}{writer}}}\n{more}"
    )


def config(shards: Path, sink: str = "mode: append", engine: str = "polars", more: str = "") -> JobConfig:
    return JobConfig.from_text(text(shards, sink, engine, more))


def keys(shards: Path) -> list[str]:
    return sorted(pl.read_delta(str(shards.parent / "out"))["k"])


NINE = [f"a{n}" for n in range(9)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_again_changes_nothing(engine: str, mode: str, start: Callable[[str], str], shards: Path) -> None:
    start(engine)
    one = config(shards, f"mode: {mode}", engine)
    first, again = job.run(one), job.run(one)
    assert (first.already_done, first.rows_written, first.rows_quarantined) == (False, 9, 1)
    assert (again.already_done, again.rows_written, again.rows_read) == (True, 0, 0)
    assert (again.run_id, again.table_version) == (first.run_id, first.table_version)
    assert keys(shards) == NINE
    assert pl.read_delta(f"{shards.parent}/out_quarantine").height == 1
    forced = job.run(one, force=True)
    assert (forced.already_done, forced.rows_written) == (False, 9)
    assert keys(shards) == (NINE if mode == "overwrite" else sorted(NINE * 2))


def test_another_description_is_no_other_run(shards: Path) -> None:
    assert job.run(config(shards, "mode: overwrite")).rows_written == 9
    beside = "card: {description: Ten rows.}\nledger: {path: '" + str(shards.parent / "runs") + "'}\n"
    assert job.run(config(shards, "mode: overwrite", more=beside)).already_done
    assert not job.run(config(shards, "mode: overwrite, seed: 1", more=beside)).already_done


def test_the_command_says_so_and_ends_well(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = shards.parent / "job.yaml"
    conf.write_text(text(shards))
    assert main(["run", str(conf), "--json"]) == 0
    assert main(["run", str(conf), "--json"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out.splitlines()[-1])
    assert (told["already_done"], told["rows_written"]) == (True, 0)
    assert f"already done: version 0 of {shards.parent}/out" in said.err.replace("\n", "")
    assert main(["run", str(conf), "-q"]) == 0
    assert "nothing was changed" in capsys.readouterr().out


def test_a_plain_folder_knows_its_runs_too(shards: Path) -> None:
    one = config(shards, "mode: append, format: parquet")
    first = job.run(one)
    assert (first.rows_written, job.run(one).already_done) == (9, True)
    # What another job's overwrite took away is not there any more.
    other = text(shards, "mode: overwrite, format: parquet").replace("name: once", "name: other")
    job.run(JobConfig.from_text(other))
    assert job.run(one).rows_written == 9
    assert ds.dataset(shards.parent / "out", format="parquet").count_rows() == 18


@pytest.mark.parametrize("mode", MODES)
def test_another_source_or_configuration_is_another_run(shards: Path, mode: str) -> None:
    job.run(config(shards, f"mode: {mode}"))
    shard(shards, "b", 2.0)
    assert not job.run(config(shards, f"mode: {mode}")).already_done
    other = text(shards, f"mode: {mode}").replace("name: once", "name: other")
    assert not job.run(JobConfig.from_text(other)).already_done
    # Now the newest rows are the other job's.
    assert job.run(config(shards, f"mode: {mode}")).already_done == (mode == "append")


def test_a_model_is_part_of_what_a_transform_does(shards: Path) -> None:
    fitted = job.fit(config(shards))
    shard(shards, "b", 2.5)
    other = job.fit(config(shards))
    assert fitted.sha256 != other.sha256
    one = config(shards, "mode: overwrite")
    assert not job.transform(one, fitted).already_done
    assert job.transform(one, fitted).already_done
    assert not job.transform(one, other).already_done
    assert not job.transform(one, other, force=True).already_done


@pytest.mark.parametrize("refit", ["never", "update", "full"])
def test_a_transform_adds_new_shards_alone_whatever_refit_says(shards: Path, refit: str) -> None:
    one = config(shards, more=f"refit: {refit}")
    model = PipelineModel.load(job.run(one).model)
    shard(shards, "b", 2.0)
    report = job.transform(one, model)
    assert (report.rows_written, report.model_sha256) == (1, model.sha256)
    assert keys(shards) == [*NINE, "b0"]


BOUNDARIES = {
    "with files and no commit": ("genspark.sinks.formats.delta", "DeltaRs.append"),
    "after the quarantine's commit": ("genspark.sinks.formats.delta", "DeltaRs.commit"),
    "after the table's commit": ("genspark.job.models", "save"),
    "before it is in the ledger": ("genspark.job.ledger", "add"),
    "before its mark is gone": ("genspark.sinks.marks", "Mark.remove"),
}
CRASH = """
import functools, importlib, os, sys
from genspark.cli import main
module, *names = sys.argv[1], *sys.argv[2].split(".")
*owners, name = names
setattr(functools.reduce(getattr, owners, importlib.import_module(module)), name, lambda *_, **__: os._exit(9))
main(["run", sys.argv[3]])
"""


@pytest.fixture
def crash(shards: Path) -> Callable[[str, str], Mark]:
    """Run a job in a process that ends at a boundary, as by kill -9; what it leaves is its mark."""

    def run(job_text: str, boundary: str) -> Mark:
        conf = shards.parent / "job.yaml"
        conf.write_text(job_text)
        ended = subprocess.run([sys.executable, "-c", CRASH, *BOUNDARIES[boundary], str(conf)], check=False)
        assert ended.returncode == 9
        (mark,) = marks_of(f"{shards.parent}/out")
        assert mark.is_dead
        return mark

    return run


@pytest.mark.slow
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_run_after_a_crash_leaves_what_one_run_leaves(
    shards: Path, crash: Callable[[str, str], Mark], boundary: str
) -> None:
    killed = crash(text(shards), boundary)
    report = job.run(config(shards))
    is_done = list(BOUNDARIES).index(boundary) > 1
    assert (report.already_done, report.run_id == killed.run_id) == (is_done, is_done)
    assert keys(shards) == NINE
    (aside,) = pl.read_delta(f"{shards.parent}/out_quarantine").select("k", "_run_id").rows()
    assert aside == ("a9", report.run_id)
    rows = ledger.read(f"{shards.parent}/out_runs").sort("started")
    told = rows.select("run_id", "outcome", "rows_read", "rows_written", "rows_quarantined", "target_version").rows()
    if not is_done:
        assert told == [
            (killed.run_id, "failed", None, None, None, None),
            (report.run_id, "written", 10, 9, 1, 0),
        ]
    else:
        outcome = "written" if boundary == "before its mark is gone" else "recovered"
        assert told == [(killed.run_id, outcome, 10, 9, 1, 0)]
    assert PipelineModel.load(report.model).sha256 == report.model_sha256
    assert marks_of(f"{shards.parent}/out") == []
    # No file of rows is left that no commit names.
    table = deltalake.DeltaTable(shards.parent / "out")
    assert sorted(Path(uri).name for uri in table.file_uris()) == sorted(
        path.name for path in (shards.parent / "out").glob("*.parquet")
    )


@pytest.mark.slow
def test_what_a_crash_left_does_not_hide_files_of_others(shards: Path, crash: Callable[[str, str], Mark]) -> None:
    crash(text(shards), "with files and no commit")
    (shards.parent / "out/notes.txt").write_text("mine")
    with pytest.raises(TargetError, match="holds files and is not a Delta table"):
        job.run(config(shards))
    assert (shards.parent / "out/notes.txt").read_text() == "mine"


@pytest.fixture
def at_work(shards: Path) -> Callable[..., Mark]:
    """Put the mark of a run of another process that wrote one file."""

    def put(**changed: Any) -> Mark:
        out = str(shards.parent / "out")
        job.run(config(shards))
        mark = Mark(out, "r" * 32, "k", False, f"{out}_quarantine", False, f"{out}/_genspark/model.json", **changed)
        mark.put()
        Path(out, f"part-00000-{mark.run_id}-c000.snappy.parquet").write_bytes(b"rows")
        return mark

    return put


@pytest.mark.parametrize(
    ("changed", "is_dead"),
    [
        ({}, False),
        ({"process": "another, with this number"}, True),
        ({"host": "elsewhere", "started": "2999-01-01T00:00:00+00:00"}, False),
        ({"host": "elsewhere", "started": "2020-01-01T00:00:00+00:00"}, True),
    ],
    ids=["alive", "gone", "elsewhere", "elsewhere and old"],
)
def test_only_what_dead_runs_left_is_cleared(
    shards: Path, at_work: Callable[..., Mark], changed: dict[str, Any], is_dead: bool
) -> None:
    mark = at_work(**changed)
    job.run(config(shards))
    (file,) = [f"part-00000-{mark.run_id}-c000.snappy.parquet"]
    assert (mark.is_there(), (shards.parent / "out" / file).exists()) == (not is_dead, not is_dead)


class Killed(BaseException):
    """The end of a process, in this one."""


def test_what_a_commit_of_sparks_writer_does_not_tell_is_counted_again(
    start: Callable[[str], str], shards: Path, monkeypatch: pytest.MonkeyPatch, interpreted: None
) -> None:
    one = config(shards, engine=start("spark"))
    job.run(one)
    shard(shards, "b", 2.0, 3.0, 90.0)

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "add", killed)
        patched.setattr(Mark, "remove", lambda _: None)
        with pytest.raises(Killed):
            job.run(one)
    (mark,) = marks_of(f"{shards.parent}/out")
    dataclasses.replace(mark, process="gone").put()
    assert job.run(one).already_done
    rows = ledger.read(f"{shards.parent}/out_runs").filter(outcome="recovered")
    assert rows.select("rows_read", "rows_written", "rows_quarantined", "rows_dropped").rows() == [(3, 2, 1, 0)]
    assert keys(shards) == [*NINE, "b0", "b1"]


class Between(job.Silent):
    """Does something once, as a run that has looked back begins to read."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act: Callable[[], Any] | None = act
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)

    def phase(self, name: str) -> Any:
        act = self.act
        if act and name == "writing the table":
            self.act = None
            act()
        return super().phase(name)


def test_a_run_that_was_taken_for_dead_commits_nothing(shards: Path) -> None:
    out = shards.parent / "out"
    job.run(config(shards))
    shard(shards, "b", 2.0)
    marks = Between(lambda: [mark.remove() for mark in marks_of(str(out))])
    with pytest.raises(SinkError, match=r"another run took this one for dead.*run again"):
        job.run(config(shards), progress=marks)
    assert keys(shards) == NINE


@pytest.mark.parametrize("engine", ["polars", "spark"])
def test_of_two_runs_of_a_job_each_shard_is_added_once(engine: str, start: Callable[[str], str], shards: Path) -> None:
    start(engine)
    job.run(config(shards, engine=engine))
    shard(shards, "b", 2.0)

    def more_come_and_another_run_adds_them() -> None:
        shard(shards, "c", 2.0)
        assert job.run(config(shards, engine=engine)).rows_written == 2

    notes = Between(more_come_and_another_run_adds_them)
    report = job.run(config(shards, engine=engine), progress=notes)
    assert report.already_done
    assert keys(shards) == [*NINE, "b0", "c0"]
    assert any("came first" in line and "looking again" in line for line in notes.lines)
    assert pl.read_delta(f"{shards.parent}/out_quarantine").height == 1


def test_an_append_looks_again_where_the_table_was_written_anew(shards: Path) -> None:
    job.run(config(shards))
    shard(shards, "b", 2.0)
    other = JobConfig.from_text(text(shards, "mode: overwrite").replace("name: once", "name: other"))
    report = job.run(config(shards), progress=Between(lambda: job.run(other)))
    # The other's rows, and all of this job's, of which none was there any more.
    assert report.rows_written == 10
    assert keys(shards) == sorted([*NINE, "b0"] * 2)


def test_an_interrupt_after_the_commit_changes_nothing_about_it(
    shards: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    conf = shards.parent / "job.yaml"
    conf.write_text(text(shards))
    with monkeypatch.context() as patched:
        patched.setattr(Publication, "publish", interrupted)
        assert main(["run", str(conf)]) == 130
    assert "interrupted; the table is written" in capsys.readouterr().err
    assert ledger.read(f"{shards.parent}/out_runs")["outcome"].to_list() == ["written"]
    with monkeypatch.context() as patched:
        patched.setattr(DeltaRs, "commit", interrupted)
        assert main(["run", str(conf), "--force"]) == 130
    assert "interrupted; the table is as it was" in capsys.readouterr().err
    assert ledger.read(f"{shards.parent}/out_runs")["outcome"].to_list() == ["failed", "written"]
    assert keys(shards) == NINE
    assert os.listdir(shards.parent / "out/_genspark/models")
