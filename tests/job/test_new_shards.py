"""Appending from a source that grows: each file's rows once, by the model of the first, whatever becomes of files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import deltalake
import polars as pl
import pytest

from genspark import JobConfig, PipelineModel, job
from genspark.cli import main
from genspark.errors import PlanError, SchemaError
from genspark.terminal.stopping import Stop

ENGINES = ["polars", "tasks", "spark", pytest.param("spark-arrow", marks=pytest.mark.exhaustive)]


def shard(folder: Path, name: str, *values: float) -> None:
    folder.mkdir(exist_ok=True)
    keys = [f"{name}{n}" for n in range(len(values))]
    pl.DataFrame({"k": keys, "v": values}).write_parquet(folder / f"{name}.parquet")


def config(tmp_path: Path, engine: str = "polars", sink: str = "mode: append", more: str = "") -> JobConfig:
    writer = {"spark": ", writer: delta", "spark-arrow": ", writer: arrow"}.get(engine, "")
    name = "spark-polars" if engine == "tasks" else engine.removesuffix("-arrow")
    return JobConfig.from_text(
        f"name: grow\nengine: {name}\nkey: k\nsource: {{path: '{tmp_path}/in', format: parquet}}\n"
        f"steps: [scale: {{columns: v, method: minmax}}]\nsink: {{path: '{tmp_path}/out', {sink}{writer}}}\n{more}"
    )


def rows(tmp_path: Path) -> dict[str, float]:
    table = pl.read_delta(str(tmp_path / "out"))
    assert table["k"].n_unique() == table.height, "no row is there twice"
    return dict(table.sort("k").select("k", "v").rows())


@pytest.mark.parametrize("engine", ENGINES)
def test_only_new_files_are_added_by_the_first_model(engine: str, start: Callable[[str], str], tmp_path: Path) -> None:
    start(engine)
    shard(tmp_path / "in", "a", 0.0, 10.0)
    first = job.run(config(tmp_path, engine))
    shard(tmp_path / "in", "b", 5.0, 20.0)
    second = job.run(config(tmp_path, engine))
    assert (first.rows_written, second.rows_read, second.rows_written, second.scans) == (2, 2, 2, 0)
    assert second.model_sha256 == first.model_sha256
    assert rows(tmp_path) == {"a0": 0.0, "a1": 1.0, "b0": 0.5, "b1": 2.0}
    again = job.run(config(tmp_path, engine))
    assert (again.already_done, again.rows_written, again.table_version) == (True, 0, second.table_version)
    # A file that comes late is as new as any.
    shard(tmp_path / "in", "A", 1.0)
    assert job.run(config(tmp_path, engine)).rows_written == 1
    assert len(rows(tmp_path)) == 5


def test_new_rows_are_judged_by_a_reference_that_is_gone(tmp_path: Path) -> None:
    known = tmp_path / "known.csv"
    known.write_text("k\na0\nb1\n", encoding="utf-8")
    rule = f"{{columns: k, exists_in: {{table: '{known}', column: k}}, level: drop}}"
    text = (
        f"name: grow\nengine: polars\nkey: k\nsource: {{path: '{tmp_path}/in', format: parquet}}\n"
        f"steps: [validate: {{rules: [{rule}]}}]\nsink: {{path: '{tmp_path}/out', mode: append}}\n"
    )
    shard(tmp_path / "in", "a", 0.0, 10.0)
    job.run(JobConfig.from_text(text))
    known.unlink()
    shard(tmp_path / "in", "b", 5.0, 20.0)
    assert job.run(JobConfig.from_text(text)).rows_written == 1
    assert rows(tmp_path) == {"a0": 0.0, "b1": 20.0}
    shard(tmp_path / "in", "c", 1.0)
    with pytest.raises(SchemaError, match="there is nothing at that path"):
        job.run(JobConfig.from_text(f"{text}refit: full\n"))


def test_refit_update_writes_new_rows_by_a_model_of_all(tmp_path: Path) -> None:
    shard(tmp_path / "in", "a", 0.0, 10.0)
    job.run(config(tmp_path, more="refit: update"))
    shard(tmp_path / "in", "b", 20.0)
    report = job.run(config(tmp_path, more="refit: update"))
    assert report.rows_written == 1
    assert rows(tmp_path) == {"a0": 0.0, "a1": 1.0, "b0": 1.0}
    assert PipelineModel.load(report.model).inverse_transform({"v": [1.0]})["v"].tolist() == [20.0]


def test_refit_full_writes_the_table_anew_when_something_changed(tmp_path: Path) -> None:
    shard(tmp_path / "in", "a", 0.0, 10.0)
    job.run(config(tmp_path, more="refit: full"))
    assert job.run(config(tmp_path, more="refit: full")).already_done
    shard(tmp_path / "in", "b", 20.0)
    report = job.run(config(tmp_path, more="refit: full"))
    assert report.rows_written == 3
    assert rows(tmp_path) == {"a0": 0.0, "a1": 0.5, "b0": 1.0}
    (tmp_path / "in/a.parquet").unlink()
    assert job.run(config(tmp_path, more="refit: full")).rows_written == 1


class Notes:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(job.Silent(), name)

    def note(self, line: str) -> None:
        self.lines.append(line)


def test_files_that_changed_or_went_are_told_and_their_rows_stay(tmp_path: Path) -> None:
    shard(tmp_path / "in", "a", 0.0, 10.0)
    shard(tmp_path / "in", "b", 5.0)
    job.run(config(tmp_path))
    shard(tmp_path / "in", "a", 7.0, 8.0, 9.0)
    (tmp_path / "in/b.parquet").unlink()
    notes = Notes()
    assert job.run(config(tmp_path), progress=notes).already_done  # type: ignore[arg-type]
    told = "\n".join(notes.lines)
    assert f"1 files that are in the table have changed since, such as file://{tmp_path}/in/a.parquet" in told
    assert f"1 files that are in the table are gone, such as file://{tmp_path}/in/b.parquet" in told
    assert len(rows(tmp_path)) == 3


def test_other_steps_do_not_add_to_the_rows_of_these(tmp_path: Path) -> None:
    shard(tmp_path / "in", "a", 0.0, 10.0)
    job.run(config(tmp_path))
    shard(tmp_path / "in", "b", 5.0)
    other = config(tmp_path).to_yaml().replace("minmax", "standard")
    with pytest.raises(PlanError, match=r"steps: .* has rows of this job by other steps.*refit: full"):
        job.run(JobConfig.from_text(other))


def test_an_overwrite_by_another_begins_anew(tmp_path: Path) -> None:
    shard(tmp_path / "in", "a", 0.0, 10.0)
    job.run(config(tmp_path))
    deltalake.write_deltalake(
        tmp_path / "out", pl.read_delta(str(tmp_path / "out")).head(0), mode="overwrite", schema_mode="overwrite"
    )
    assert job.run(config(tmp_path)).rows_written == 2


def test_a_shard_that_was_left_out_is_new_once_it_is_mended(tmp_path: Path) -> None:
    shard(tmp_path / "in", "a", 0.0, 10.0)
    (tmp_path / "in/b.parquet").write_bytes(b"PAR1 not yet")
    text = config(tmp_path).to_yaml().replace("format: parquet", "format: parquet, on_corrupt: quarantine")
    assert job.run(JobConfig.from_text(text)).shards_quarantined == 1
    shard(tmp_path / "in", "b", 5.0)
    assert job.run(JobConfig.from_text(text)).rows_written == 1


def test_a_list_of_many_files_lies_beside_the_table(tmp_path: Path) -> None:
    for n in range(60):
        shard(tmp_path / "in", f"s{n:02}", float(n))
    report = job.run(config(tmp_path))
    (place,) = (tmp_path / "out/_genspark/sources").iterdir()
    assert len(json.loads(place.read_text())["files"]) == 60
    assert place.stem == report.run_id
    shard(tmp_path / "in", "z", 1.0)
    assert job.run(config(tmp_path)).rows_written == 1


@pytest.mark.parametrize("engine", ["polars", "spark"])
def test_a_delta_table_as_the_source(engine: str, start: Callable[[str], str], tmp_path: Path) -> None:
    start(engine)
    source = str(tmp_path / "in")
    deltalake.write_deltalake(source, pl.DataFrame({"k": ["a", "b"], "v": [0.0, 10.0]}))
    text = config(tmp_path, engine).to_yaml().replace("format: parquet", "format: delta")
    delta = JobConfig.from_text(text)
    job.run(delta)
    deltalake.write_deltalake(source, pl.DataFrame({"k": ["c"], "v": [5.0]}), mode="append")
    assert job.run(delta).rows_written == 1
    assert rows(tmp_path) == {"a": 0.0, "b": 1.0, "c": 0.5}
    deltalake.DeltaTable(source).delete("k = 'a'")
    deltalake.write_deltalake(source, pl.DataFrame({"k": ["d"], "v": [5.0]}), mode="append")
    with pytest.raises(PlanError, match=r"rows of the source were changed, deleted or compacted.*refit: full"):
        job.run(delta)


@pytest.mark.slow
@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_follow_adds_shards_as_they_come_until_it_is_told_to_end(ends: signal.Signals, tmp_path: Path) -> None:
    shard(tmp_path / "in", "a", 0.0, 10.0)
    conf = tmp_path / "job.yaml"
    conf.write_text(config(tmp_path).to_yaml())
    command = [sys.executable, "-m", "genspark.cli", "run", str(conf), "--follow", "--every", "0.1", "--json", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follow:
        assert follow.stdout
        assert follow.stderr
        assert json.loads(follow.stdout.readline())["rows_written"] == 2
        shard(tmp_path / "waits", "b", 5.0)
        (tmp_path / "waits/b.parquet").rename(tmp_path / "in/b.parquet")
        assert json.loads(follow.stdout.readline())["rows_written"] == 1
        follow.send_signal(ends)
        assert (follow.wait(60), follow.stdout.read(), follow.stderr.read()) == (0, "", "")
    assert rows(tmp_path) == {"a0": 0.0, "a1": 1.0, "b0": 0.5}


def test_a_second_signal_interrupts_and_others_have_their_handlers_back() -> None:
    # A shell ignores SIGINT for what it starts in the background.
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_asked
        # As a session of Spark does.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.heed()
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second signal interrupts")
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.parametrize("every", ["0", "-1", "nan", "inf", "soon"])
def test_follow_looks_every_so_many_seconds(every: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "job.yaml", "--follow", "--every", every]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "'--every'" in told
    assert f"seconds above 0; got {every}" in told or "unable to parse string as a number" in told.replace("│ │ ", "")


def test_follow_does_not_add_all_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = tmp_path / "job.yaml"
    conf.write_text(config(tmp_path).to_yaml())
    assert main(["run", str(conf), "--follow", "--force"]) == 2
    assert "--follow: adds each shard once, and --force adds all of them again" in capsys.readouterr().err
