"""A scheduler asks how a job stands: done when its run left table and model, and nothing changes for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from genspark import JobConfig, PipelineModel, job
from genspark.errors import SourceError
from genspark.job import asked
from genspark.job.once import Once

ENGINES = ["polars", "tasks", "spark"]


def config(folder: Path, engine: str = "polars", sink: str = "mode: overwrite", steps: str = "") -> JobConfig:
    name = "spark-polars" if engine == "tasks" else engine
    return JobConfig.from_text(
        f"name: asked\nengine: {name}\nsource: {{path: '{folder}/in', format: parquet}}\n"
        f"steps: [{steps or 'scale: {columns: v, method: minmax}'}]\nsink: {{path: '{folder}/out', {sink}}}\n"
    )


def shard(folder: Path, name: str) -> None:
    (folder / "in").mkdir(exist_ok=True)
    pl.DataFrame({"v": [1.0, 2.0, 3.0]}).write_parquet(folder / "in" / f"{name}.parquet")


def listing(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_job_is_done_when_its_run_is_in_the_table(engine: str, start: Callable[[str], str], tmp_path: Path) -> None:
    start(engine)
    shard(tmp_path, "a")
    one = config(tmp_path, engine)
    before = listing(tmp_path)
    stands = job.standing(one)
    assert (stands.done, listing(tmp_path)) == (None, before)
    report = job.run(one)
    after = listing(tmp_path)
    again = job.standing(one)
    assert again.key == stands.key
    assert again.done
    assert again.done.already_done
    assert (again.done.run_id, again.done.model_sha256) == (report.run_id, report.model_sha256)
    assert listing(tmp_path) == after
    shard(tmp_path, "b")
    assert job.standing(one).done is None


def test_of_a_growing_source_every_file_must_be_there(tmp_path: Path) -> None:
    shard(tmp_path, "a")
    one = config(tmp_path, sink="mode: append")
    first = job.run(one)
    stands = job.standing(one).done
    assert stands
    assert stands.run_id == first.run_id
    shard(tmp_path, "b")
    assert job.standing(one).done is None
    job.run(one)
    assert job.standing(one).done


def test_a_run_that_has_not_left_its_model_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it is killed after its commit: the next run finishes what is left, and only then is it done."""
    shard(tmp_path, "a")
    one = config(tmp_path)
    with monkeypatch.context() as patched:
        # A process that is gone removes no mark, and puts nothing back.
        patched.setattr(Once, "_remove_mark", lambda self: None)
        job.run(one)
    (mark,) = (tmp_path / "out/_genspark/runs").iterdir()
    assert job.standing(one).done
    (tmp_path / "out/_genspark/model.json").unlink()
    assert job.standing(one).done is None
    text = mark.read_text()
    mark.write_text(text.replace('"process": "', '"process": "gone '))
    assert job.run(one).already_done
    assert job.standing(one).done
    assert PipelineModel.load(tmp_path / "out/_genspark/model.json").steps


def test_a_source_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        job.standing(config(tmp_path))


def test_the_ledger_tells_why_a_run_failed(tmp_path: Path) -> None:
    shard(tmp_path, "a")
    one = config(tmp_path, steps="validate: {rules: [{columns: v, between: [0, 2], level: error}]}")
    began = dt.datetime.now(dt.UTC)
    key = job.standing(one).key
    assert asked.failure(one, key, began) is None
    with pytest.raises(Exception, match="between"):
        job.run(one)
    assert "between" in str(asked.failure(one, key, began))
    assert asked.failure(one, key, dt.datetime.now(dt.UTC)) is None
    assert asked.failure(one, "another", began) is None
