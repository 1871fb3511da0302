"""What Spark writes is what every reader of Delta tables can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from genspark.config import Sink
from genspark.sinks.on_spark.delta import DeltaSpark
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
