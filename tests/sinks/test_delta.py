"""What Spark writes is what every reader of Delta tables can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from genspark.config import Sink
from genspark.errors import AlreadyCommittedError, SinkError, TargetError
from genspark.session import is_connect
from genspark.sinks.choice import of_frames
from genspark.sinks.files.writer import write_files
from genspark.sinks.formats.delta import DeltaRs
from genspark.sinks.on_spark.delta import DeltaSpark
from genspark.sinks.sink import Files
from genspark.sinks.table import Table

NESTED = "text string, `a.b` array<string>, `m``p` map<string,string>, both struct<`x-y`: string, n: bigint>"


@pytest.mark.connect
def test_text_is_read_by_others_whoever_made_the_column(spark: Any, tmp_path: Path) -> None:
    """Connect would write `string collate UTF8_BINARY` of what Python's functions return."""
    row = {"text": "ü", "a.b": ["a", None], "m`p": [("k", "v")], "both": {"x-y": None, "n": 1}}
    schema = pa.schema(
        {
            "text": pa.string(),
            "a.b": pa.list_(pa.string()),
            "m`p": pa.map_(pa.string(), pa.string()),
            "both": pa.struct({"x-y": pa.string(), "n": pa.int64()}),
        }
    )

    def serve(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_pylist([row] * len(batch), schema)

    frame = spark.range(1).mapInArrow(serve, NESTED)
    path = str(tmp_path / "table")
    sink, table = DeltaSpark(spark), Table(path)
    sink.commit(table, Sink(path=path), frame, {}, {})
    sink.append(table, frame, {})
    read = pl.read_delta(path)
    assert read.to_dicts() == [{**row, "m`p": {"k": "v"}}] * 2
    assert str(spark.read.format("delta").load(path).schema) == str(frame.schema)


@pytest.mark.connect
def test_a_table_without_text_is_written(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "table")
    DeltaSpark(spark).commit(Table(path), Sink(path=path), spark.range(2), {}, {})
    assert sorted(pl.read_delta(path)["id"]) == [0, 1]


@pytest.mark.connect
@pytest.mark.parametrize("writer", ["delta", "spark"])
def test_no_row_is_there_before_the_properties_and_the_runs_transaction(
    spark: Any, tmp_path: Path, writer: str
) -> None:
    path = str(tmp_path / "table")
    sink: Any = DeltaSpark(spark) if writer == "spark" else DeltaRs()
    # Spark takes properties along with the rows of new tables alone, by a command that no client of Connect has.
    commits = [1, 1] if writer == "delta" else [2, 2] if is_connect(spark) else [1, 2]
    frame, read = pl.DataFrame({"g": ["x/y", None], "v": [1, 2]}), 0
    for number, mode in enumerate(("error", "overwrite")):
        table, told = sink.find(path), {"run_id": f"r{number}", "key": f"k{number}"}
        section = Sink(path=path, partition_by="g", mode=mode, properties={"team": mode})
        rows: Any = spark.createDataFrame(frame.to_arrow())
        if writer == "delta":
            rows = Files(write_files(frame.lazy(), path, sink.layout(table, section, told["run_id"])), frame.schema)
        version = sink.commit(table, section, rows, told, {"augment": "[]"}).version
        assert version == sum(commits[: number + 1]) - 1
        before, last = actions(tmp_path, read, version), actions(tmp_path, version, version + 1)
        defined = [action["metaData"]["configuration"] for action in [*before, *last] if "metaData" in action]
        assert defined[0] == {"delta.dataSkippingNumIndexedCols": "1", "augment": "[]", "team": mode}
        assert not any("add" in action or "remove" in action for action in before)
        assert [action["txn"]["appId"] for action in last if "txn" in action] == [f"genspark:k{number}"]
        assert sum("add" in action for action in last) == 2
        assert sum("remove" in action for action in last) == 2 * number
        read = version + 1
    # What every reader opens.
    protocols = [action["protocol"] for action in actions(tmp_path, 0, read) if "protocol" in action]
    assert protocols == [{"minReaderVersion": 1, "minWriterVersion": 2}]
    there = [tuple(row) for row in spark.read.format("delta").load(path).select("g", "v").collect()]
    assert sorted(there, key=repr) == sorted(frame.rows(), key=repr)
    # Each finds what the other wrote.
    for reader in (DeltaRs(), DeltaSpark(spark)):
        past = reader.committed(reader.find(path), "k0")
        assert (past.version, past.is_latest, past.metadata["run_id"]) == (commits[0] - 1, False, "r0")


def actions(place: Path, start: int, end: int) -> list[dict[str, Any]]:
    """The actions of the log's versions."""
    logs = [place / f"table/_delta_log/{version:020}.json" for version in range(start, end)]
    return [json.loads(line) for log in logs for line in log.read_text().splitlines()]


def test_spark_heeds_what_other_writers_committed_meanwhile(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sink = str(tmp_path / "table"), DeltaSpark(spark)
    absent = sink.find(path)

    def commit(table: Table, run: str, key: str, mode: str) -> int:
        section, told = Sink(path=path, mode=mode), {"run_id": run, "key": key}
        return int(sink.commit(table, section, spark.range(2), told, {"made.by": run}).version)

    # Properties that change are a commit before the rows.
    first = commit(absent, "r0", "k0", "append")
    assert first == (1 if is_connect(spark) else 0)
    second = commit(absent, "r1", "k1", "append")
    assert second == first + 2
    found = sink.find(path)
    with pytest.raises(
        AlreadyCommittedError, match=rf"committed by another process meanwhile, as version {second} .* by run r1"
    ):
        commit(absent, "r2", "k1", "append")
    third = commit(found, "r3", "k3", "append")
    assert third == second + 2
    came_first = rf"version {third} \(WRITE\) by run r3 came first"
    with pytest.raises(SinkError, match=f"{came_first}, and an overwrite would lose"):
        commit(found, "r4", "k4", "overwrite")
    # One that comes between the look and the write is found afterwards.
    monkeypatch.setattr(DeltaSpark, "_refuse_meanwhile", lambda *_: None)
    with pytest.raises(SinkError, match=came_first):
        commit(found, "r5", "k5", "overwrite")
    with pytest.raises(AlreadyCommittedError, match=f"as version {third}"):
        commit(found, "r6", "k3", "append")
    assert spark.read.format("delta").load(path).count() == 6


def test_files_with_deletion_vectors_are_replaced_by_spark(spark: Any, tmp_path: Path) -> None:
    path, columns = str(tmp_path / "table"), {"id": nw.Int64()}
    sink, rows = DeltaSpark(spark), spark.range(9).coalesce(1)
    vectors = Sink(path=path, properties={"delta.enableDeletionVectors": "true"})
    sink.commit(sink.find(path), vectors, rows, {"run_id": "r0"}, {})
    spark.sql(f"DELETE FROM delta.`{path}` WHERE id = 3")
    DeltaRs().check(DeltaRs().find(path), Sink(path=path, mode="append"), columns)
    overwrite = Sink(path=path, mode="overwrite", properties={"delta.columnMapping.mode": "name"})
    with pytest.raises(TargetError, match="has files with deletion vectors, which only Spark removes rightly"):
        DeltaRs().check(DeltaRs().find(path), Sink(path=path, mode="overwrite"), columns)
    notes: list[str] = []
    auto = of_frames(overwrite, spark, notes.append)
    table = auto.find(path)
    auto.check(table, Sink(path=path, mode="overwrite"), columns)
    assert notes == ["sink.writer: auto leaves writing to Spark: the table has files that only Spark can replace"]
    auto.commit(table, overwrite, rows, {"run_id": "r1"}, {})
    # Once its names are mapped it stays so, and what it had it has.
    sink.commit(sink.find(path), Sink(path=path, mode="overwrite"), rows, {"run_id": "r2"}, {})
    assert spark.read.format("delta").load(path).count() == 9
    assert {**vectors.properties, **overwrite.properties}.items() <= sink.find(path).properties.items()
