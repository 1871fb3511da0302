"""What every sink does, by whatever it writes: found, committed, appended to, put back, swept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow.dataset as ds
import pytest

from genspark.config import Sink
from genspark.errors import SinkError, TargetError
from genspark.sinks.columns import fitted, kept_columns
from genspark.sinks.files.writer import write_files
from genspark.sinks.formats import names as formats
from genspark.sinks.on_spark.arrow_tasks import ArrowTasks
from genspark.sinks.sink import Files, FileSink
from genspark.sinks.table import Table

ROWS = pl.DataFrame({"id": [1, 2, 3], "g": ["x/y", None, "x/y"], "v": [1.0, None, 3.0]})
MORE = pl.DataFrame({"id": [4], "g": ["z"], "v": [4.0]})
ON_SPARK = [pytest.param(name, marks=pytest.mark.on_spark) for name in ("delta-arrow", "delta-own", "parquet-own")]
NAMES = [*(f"{name}-files" for name in formats()), *ON_SPARK]
"""Formats, each with what writes it: files that are there already, Arrow in Spark's tasks, Spark's own writer."""


class Written:
    """A sink, with the rows that it is given as it takes them, and the table as others read it."""

    def __init__(self, kind: str, spark: Any, path: Path) -> None:
        name, _, writer = kind.partition("-")
        files = FileSink.registry[name](in_tasks=True)
        made: dict[str, Callable[[], Any]] = {
            "files": lambda: files,
            "arrow": lambda: ArrowTasks(files),
            "own": lambda: files.by_spark(spark),
        }
        self.sink = made[writer]()
        self.name, self.spark, self.path = name, spark, str(path)

    def find(self) -> Table:
        return self.sink.find(self.path)

    def rows(self, frame: pl.DataFrame, table: Table, section: Sink | None, run: str) -> Any:
        if self.spark is not None:
            # Of a table without rows Connect infers no schema.
            rows = frame if frame.height else frame.clear(1)
            return self.spark.createDataFrame(rows.to_arrow()).limit(frame.height)
        rows, layout = fitted(frame.lazy(), kept_columns(table, section)), self.sink.layout(table, section, run)
        return Files(write_files(rows, self.sink.folder(table, run), layout), rows.collect_schema())

    def commit(self, frame: pl.DataFrame, run: str, table: Table | None = None, **section: Any) -> Any:
        table = table or self.find()
        spec = Sink(path=self.path, format=self.name, **section)
        told = {"run_id": run, "key": f"key of {run}"}
        done = self.sink.commit(table, spec, self.rows(frame, table, spec, run), told, {"made.by": "steps"})
        return table, done

    def add(self, frame: pl.DataFrame, run: str, *, check: bool, **section: Any) -> Any:
        """Append, after the check of a job where that is asked for."""
        if check:
            spec = Sink(path=self.path, format=self.name, mode="append", **section)
            self.sink.check(self.find(), spec, dict(nw.from_native(frame.lazy()).collect_schema()))
        table, done = self.commit(frame, run, mode="append", **section)
        self.sink.sweep(table, run, done)
        return done

    def append(self, frame: pl.DataFrame, run: str) -> Any:
        table = self.find()
        return self.sink.append(table, self.rows(frame, table, None, run), {"run_id": run})

    def read(self) -> list[Any]:
        if self.name == "delta":
            frame = pl.read_delta(self.path)
        else:
            frame = pl.DataFrame(pl.from_arrow(ds.dataset(self.path, partitioning="hive").to_table()))
        return sorted(frame.select(sorted(frame.columns)).rows(), key=repr)


@pytest.fixture(params=NAMES)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Written:
    spark = None
    if not request.param.endswith("-files"):
        request.getfixturevalue("interpreted")
        spark = request.getfixturevalue("spark")
    return Written(request.param, spark, tmp_path / "table")


def sorted_rows(*frames: pl.DataFrame) -> list[Any]:
    return sorted(pl.concat(frames).select("g", "id", "v").rows(), key=repr)


def test_rows_are_committed_and_found(written: Written) -> None:
    assert written.find().version is None
    table, done = written.commit(ROWS, "r1", partition_by="g", properties={"team": "trips"})
    written.sink.sweep(table, "r1", done)
    assert written.read() == sorted_rows(ROWS)
    now = written.find()
    assert (now.version, now.partition_by, done.rows, done.files >= 2) == (done.version, ("g",), 3, True)
    assert (now.properties["team"], now.properties["made.by"]) == ("trips", "steps")
    assert done.bytes > 0


def test_append_and_overwrite_of_named_partitions(written: Written) -> None:
    written.commit(ROWS, "r1", partition_by="g", mode="overwrite")
    written.commit(MORE, "r2", mode="append")
    assert written.read() == sorted_rows(ROWS, MORE)
    other = MORE.with_columns(id=pl.lit(9, pl.Int64))
    named = {"partition_by": "g", "mode": "overwrite", "partitions": {"g": ["z"]}}
    table, done = written.commit(other, "r3", **named)
    written.sink.sweep(table, "r3", done)
    assert written.read() == sorted_rows(ROWS, other)
    with pytest.raises(SinkError, match=r"sink\.partitions: rows have g = x/y"):
        written.commit(ROWS.head(1), "r4", **named)
    written.sink.put_back(written.find(), "r4")
    with pytest.raises(SinkError, match=r"'w' is not a column of the table"):
        written.commit(MORE.with_columns(w=1), "r5", mode="append")
    written.sink.put_back(written.find(), "r5")
    assert written.read() == sorted_rows(ROWS, other)


def test_an_overwrite_may_change_all(written: Written) -> None:
    written.commit(ROWS, "r1", partition_by="g", mode="overwrite", properties={"team": "trips"})
    table, done = written.commit(pl.DataFrame({"id": ["a"], "h": [1]}), "r2", mode="overwrite")
    written.sink.sweep(table, "r2", done)
    assert written.read() == [(1, "a")]
    assert written.find().partition_by == ()
    assert written.find().properties["team"] == "trips"


def test_appended_rows_may_bring_columns(written: Written) -> None:
    for run, frame in enumerate((ROWS, pl.DataFrame({"id": [7], "w": ["new"]}))):
        table = written.find()
        done = written.append(frame, f"r{run}")
        written.sink.sweep(table, f"r{run}", done)
        assert done.rows == frame.height
    assert written.append(ROWS.head(0), "r3") is None
    files = sorted(Path(written.path).glob("*.parquet"))
    whole = pl.concat([pl.read_parquet(file, hive_partitioning=False) for file in files], how="diagonal").sort("id")
    assert whole.select("id", "v", "w").rows() == [(1, 1.0, None), (2, None, None), (3, 3.0, None), (7, None, "new")]
    if written.name == "delta":
        assert written.read() == sorted(whole.select("g", "id", "v", "w").rows(), key=repr)


def test_what_a_run_did_is_put_back(written: Written) -> None:
    table, _ = written.commit(ROWS, "r1", partition_by="g")
    written.sink.put_back(table, "r1")
    assert not Path(written.path).exists()
    table, done = written.commit(ROWS, "r2", partition_by="g")
    written.sink.sweep(table, "r2", done)
    for mode in ("append", "overwrite"):
        table, _ = written.commit(MORE, "r3", mode=mode)
        written.sink.put_back(table, "r3")
        assert written.read() == sorted_rows(ROWS)
        assert written.find().properties["made.by"] == "steps"


def test_what_is_something_else_is_refused(written: Written, tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "notes.txt").write_text("mine")
    with pytest.raises(TargetError, match=r"sink\.path: .*table holds files and is not a"):
        written.find()


def test_a_section_that_does_not_fit_is_refused_at_once(written: Written) -> None:
    written.commit(ROWS, "r1", partition_by="g")
    schema = dict(nw.from_native(ROWS.lazy()).collect_schema())
    for section, told in (({}, "is already a table"), ({"mode": "append", "partition_by": "v"}, "differs from")):
        with pytest.raises(TargetError, match=told):
            written.sink.check(written.find(), Sink(path=written.path, format=written.name, **section), schema)


def test_a_run_is_found_by_its_key(written: Written) -> None:
    assert written.sink.committed(written.find(), "key of r1") is None
    for run, mode in (("r1", "error"), ("r2", "append")):
        table, done = written.commit(ROWS, run, mode=mode)
        if run == "r1":
            # The other is put back below, which is for a run that is not done, and not looked at by the next.
            written.sink.sweep(table, run, done)
            table = written.find()
        past = written.sink.committed(table, f"key of {run}")
        assert (past.version, past.metadata["run_id"], past.is_latest) == (done.version, run, True)
    assert not written.sink.committed(table, "key of r1").is_latest
    written.sink.put_back(table, "r2")
    assert written.sink.committed(written.find(), "key of r2") is None
    assert written.sink.committed(written.find(), "key of r1").is_latest
    # Made again, it is a run like any other.
    table, done = written.commit(ROWS, "r2", mode="append")
    assert written.read() == sorted_rows(ROWS, ROWS)
    assert written.sink.committed(written.find(), "key of r2").is_latest


def test_rows_of_other_columns_are_refused_unless_the_table_may_change(written: Written) -> None:
    table, done = written.commit(ROWS, "r1", partition_by="g")
    written.sink.sweep(table, "r1", done)
    cases: list[tuple[pl.DataFrame, str]] = [
        (
            MORE.with_columns(w=1),
            r"'w' is not a column of the table, and the rows have it as .*; set sink.schema: evolve",
        ),
        (MORE.drop("v"), "the rows have no column 'v', which the table has as "),
        (
            MORE.cast({"id": pl.Int32}),
            r"column 'id' is \w+ in the rows and \w+ in the table; sink.schema: evolve widens",
        ),
    ]
    for run, (frame, told) in enumerate(cases):
        for check in (True, False):
            with pytest.raises(SinkError, match=told):
                written.add(frame, f"x{run}", check=check)
        written.sink.put_back(written.find(), f"x{run}")
    wide = MORE.cast({"id": pl.String})
    for check in (True, False):
        with pytest.raises(SinkError, match="column 'id' .*; a wider type is one that not every reader would open"):
            written.add(wide, "x9", check=check, schema="evolve")
    written.sink.put_back(written.find(), "x9")
    assert written.read() == sorted_rows(ROWS)


def test_a_table_may_change_with_its_rows(written: Written) -> None:
    table, done = written.commit(ROWS, "r1", partition_by="g")
    written.sink.sweep(table, "r1", done)
    version = done.version
    rows = pl.DataFrame({"id": [7], "g": ["z"], "w": ["new"]}).cast({"id": pl.Int32})
    done = written.add(rows, "r2", check=True, schema="evolve")
    assert done.version == version + 1
    assert written.find().columns["id"] == nw.Int64
    assert {"id", "g", "v", "w"} == set(written.find().columns)
    if written.name == "delta":
        old = [(g, i, v, None) for g, i, v in ROWS.select("g", "id", "v").rows()]
        assert written.read() == sorted([*old, ("z", 7, None, "new")], key=repr)
    files = [file for file in Path(written.path).rglob("*.parquet") if "g=z" in str(file)]
    schema = pl.read_parquet(files[0], hive_partitioning=False).schema
    assert (schema["id"], schema["w"]) == (pl.Int64, pl.String)
