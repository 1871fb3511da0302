"""What `sink.writer: auto` takes, and why."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from genspark.config import Sink
from genspark.errors import SessionError, TargetError
from genspark.sinks.choice import of_frames
from genspark.sinks.on_spark import auto
from genspark.sinks.on_spark.arrow_tasks import ArrowTasks
from genspark.sinks.on_spark.delta import DeltaSpark

CHECKED = {"id": nw.Int64()}


class Session:
    """As much of a session as the choice looks at: where its workers are."""

    def __init__(self, master: str) -> None:
        self.conf = {"spark.master": master}


@pytest.fixture
def sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`sink(master)`: the sink of a session there, and what it notes; Spark's own writer finds nothing."""
    monkeypatch.setattr(auto, "qualified", lambda _, path: path)
    monkeypatch.setattr(DeltaSpark, "find", lambda _, path: auto.Table(path))
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)

    def make(master: str = "local[2]", writer: str = "auto") -> tuple[Any, list[str]]:
        notes: list[str] = []
        section = Sink(path=str(tmp_path / "table"), writer=writer)
        return of_frames(section, Session(master), notes.append), notes  # type: ignore[arg-type]

    return make


def test_a_local_table_is_written_by_arrow_and_nothing_is_asked(sink: Any, tmp_path: Path) -> None:
    chosen, notes = sink()
    assert chosen.find(str(tmp_path / "table")).version is None
    chosen.check(auto.Table("t"), Sink(path="t"), CHECKED)
    assert isinstance(chosen.chosen, ArrowTasks)
    assert notes == []


@pytest.mark.parametrize(
    ("master", "path", "why"),
    [
        ("local[2]", "viewfs://name/table", "viewfs://name/table can be reached through Spark alone"),
        ("local[2]", "dbfs:/table", "dbfs:/table can be reached through Databricks alone"),
        (
            "spark://there:7077",
            "/data/table",
            "/data/table is a path of this machine, and Spark's workers may be others; give a path that all machines "
            "reach, or name the folder of /data/table in GENSPARK_SHARED where they all see it",
        ),
    ],
)
def test_a_path_out_of_reach_is_left_to_spark(sink: Any, master: str, path: str, why: str) -> None:
    chosen, notes = sink(master)
    assert chosen.find(path).path == path
    assert isinstance(chosen.chosen, DeltaSpark)
    assert notes == [f"sink.writer: auto leaves writing to Spark: {why}"]


def test_workers_that_lack_genspark_are_found_out_by_a_task(sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(spark: Any, work: Any, tasks: list[str]) -> list[None]:
        assert (work, tasks) == (auto.ready, ["/Volumes/a/table"])
        raise SessionError("Spark's workers have no package 'genspark'")

    monkeypatch.setattr(auto, "run_tasks", asked)
    chosen, notes = sink("spark://there:7077")
    chosen.find("/Volumes/a/table")
    assert isinstance(chosen.chosen, DeltaSpark)
    assert notes[0].endswith("the workers cannot write by themselves: Spark's workers have no package 'genspark'")


def test_another_python_in_the_workers_is_asked(sink: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(auto, "run_tasks", lambda *told: asked.append(told))
    for python in (sys.executable, "/usr/bin/another"):
        monkeypatch.setenv("PYSPARK_PYTHON", python)
        chosen, _ = sink()
        chosen.find(str(tmp_path / "table"))
        assert isinstance(chosen.chosen, ArrowTasks)
    assert len(asked) == 1


def test_a_table_that_only_spark_may_write_is_left_to_it(sink: Any, tmp_path: Path) -> None:
    pl.DataFrame({"id": [1]}).write_delta(tmp_path / "table")
    log = tmp_path / "table" / "_delta_log" / f"{0:020}.json"
    demand = json.dumps({"delta.constraints.small": "id < 3"})
    log.write_text(log.read_text().replace('"configuration":{}', f'"configuration":{demand}'))
    chosen, notes = sink()
    chosen.find(str(tmp_path / "table"))
    assert isinstance(chosen.chosen, DeltaSpark)
    assert notes == ["sink.writer: auto leaves writing to Spark: the table demands what only Spark heeds"]


@pytest.mark.parametrize("dtype", [nw.Unknown(), nw.List(nw.Unknown()), nw.Struct({"inside": nw.Unknown()})])
def test_types_that_arrow_cannot_write_are_left_to_spark(sink: Any, tmp_path: Path, dtype: Any) -> None:
    schema = {**CHECKED, "m": dtype}
    chosen, notes = sink()
    table = chosen.find(str(tmp_path / "table"))
    chosen.check(table, Sink(path="t"), schema)
    assert isinstance(chosen.chosen, DeltaSpark)
    assert notes == ["sink.writer: auto leaves writing to Spark: Arrow's writer has no type for column 'm'"]
    arrow, _ = sink(writer="arrow")
    with pytest.raises(TargetError, match=r"sink\.writer: arrow has no type for column 'm', such as variants"):
        arrow.check(table, Sink(path="t"), schema)


@pytest.mark.parametrize(
    ("value", "kind", "told"), [("map('k', 2)", "map<string,int>", 0), ("parse_json('[1]')", "variant", 1)]
)
def test_a_column_keeps_its_type(spark: Any, tmp_path: Path, value: str, kind: str, told: int) -> None:
    notes: list[str] = []
    section = Sink(path=str(tmp_path / "table"))
    chosen = of_frames(section, spark, notes.append)
    frame = spark.sql(f"SELECT 1L AS id, {value} AS m")
    table = chosen.find(section.path)
    chosen.check(table, section, dict(nw.from_native(frame).collect_schema()))
    chosen.commit(table, section, frame, {"run_id": "r"}, {})
    assert dict(spark.read.format("delta").load(section.path).dtypes)["m"] == kind
    assert len(notes) == told
