"""Avro: the values and types of Spark's reader, and damaged files named."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib.util
import uuid
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pytest

from genspark import JobConfig, run
from genspark.config import Source
from genspark.errors import ShardError, SourceError
from genspark.sources import ddl, find_dataset, scan
from genspark.sources.formats import avro
from genspark.sources.on_spark import read

UTC = dt.UTC
MOMENT = dt.datetime(2026, 1, 31, 12, 34, 56, 789000)
PAIR = {"type": "record", "name": "pair", "fields": [{"name": "x", "type": "long"}, {"name": "y", "type": "string"}]}


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


# name, Avro's type, the type that a table has, a value as it is written, the value that is read
COLUMNS: list[tuple[str, Any, str, Any, Any]] = [
    ("flag", "boolean", "boolean", True, True),
    ("small", "int", "int", -(2**31), -(2**31)),
    ("large", ["null", "long"], "bigint", 2**63 - 1, 2**63 - 1),
    ("single", "float", "float", 1.5, 1.5),
    ("double", "double", "double", float("-inf"), float("-inf")),
    ("text", ["null", "string"], "string", "ü", "ü"),
    ("absent", ["string", "null"], "string", None, None),
    ("blob", "bytes", "binary", b"\x00\xff", b"\x00\xff"),
    ("fixed", {"type": "fixed", "name": "f", "size": 2}, "binary", b"ab", b"ab"),
    ("colour", {"type": "enum", "name": "e", "symbols": ["RED", "BLUE"]}, "string", "BLUE", "BLUE"),
    ("list", {"type": "array", "items": ["null", "int"]}, "array<int>", [1, None], [1, None]),
    ("pair", PAIR, "struct<x:bigint,y:string>", {"x": 1, "y": "a"}, {"x": 1, "y": "a"}),
    ("again", ["null", "pair"], "struct<x:bigint,y:string>", {"x": 2, "y": "b"}, {"x": 2, "y": "b"}),
    ("date", logical("int", "date"), "date", dt.date(1969, 12, 31), dt.date(1969, 12, 31)),
    ("millis", logical("long", "timestamp-millis"), "timestamp", MOMENT.replace(tzinfo=UTC), MOMENT),
    ("micros", ["null", logical("long", "timestamp-micros")], "timestamp", MOMENT.replace(tzinfo=UTC), MOMENT),
    ("local", logical("long", "local-timestamp-micros"), "timestamp_ntz", MOMENT, MOMENT),
    (
        "money",
        logical("bytes", "decimal", precision=10, scale=2),
        "decimal(10,2)",
        decimal.Decimal("-1.25"),
        decimal.Decimal("-1.25"),
    ),
    ("id", logical("string", "uuid"), "string", uuid.UUID(int=5), str(uuid.UUID(int=5))),
    ("either", ["int", "long"], "bigint", 5, 5),
]


def write(path: Path, fields: list[dict[str, Any]], rows: list[dict[str, Any]], codec: str = "null") -> Path:
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "row", "fields": fields}, rows, codec, sync_interval=64)
    return path


def numbers(path: Path, count: int = 1000) -> Path:
    fields = [{"name": "n", "type": "long"}, {"name": "s", "type": "string"}]
    return write(path, fields, [{"n": i, "s": f"value {i}"} for i in range(count)])


def job(path: Path) -> JobConfig:
    source = f"{{path: '{path}', format: avro}}"
    return JobConfig.from_text(f"{{name: j, engine: polars, source: {source}, sink: {{path: '{path}_table'}}}}")


def without_zone(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value


def test_values_and_types_are_those_of_spark(spark: Any, tmp_path: Path) -> None:
    fields = [{"name": name, "type": avro} for name, avro, *_ in COLUMNS]
    written = {name: value for name, _, _, value, _ in COLUMNS}
    for codec in ("null", "deflate", "snappy", "zstandard", "bzip2", "xz"):
        write(tmp_path / f"{codec}.avro", fields, [written] * 3, codec)
    source = Source(path=str(tmp_path), format="avro")
    frame = scan(find_dataset(source)).collect()
    assert [(name, ddl.name_of(dtype)) for name, dtype in frame.schema.items()] == [(c[0], c[2]) for c in COLUMNS]
    expected = {name: value for name, *_, value in COLUMNS}
    plain = [{name: without_zone(value) for name, value in row.items()} for row in frame.to_dicts()]
    assert plain == [expected] * 18
    given = read(spark, source)
    assert given.frame.dtypes == [(c[0], c[2]) for c in COLUMNS]
    theirs = [row.asDict(recursive=True) for row in given.frame.collect()]
    assert [{**row, "blob": bytes(row["blob"]), "fixed": bytes(row["fixed"])} for row in theirs] == [expected] * 18
    assert given.description == find_dataset(source).description


def test_frames_are_small_and_hold_only_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers(tmp_path / "a.avro")
    dataset = find_dataset(Source(path=str(tmp_path), format="avro"))
    monkeypatch.setattr(avro, "_ROWS", 300)
    frames = list(dataset.format.frames(dataset.shards[0], dataset.schema, {}, frozenset("n")))
    assert len(frames) in (3, 4)
    assert all(frame.columns == ["n"] for frame in frames)
    assert scan(dataset).select(pl.col("n").sum(), pl.len()).collect().row(0) == (499500, 1000)
    assert run(job(tmp_path)).rows_written == 1000


@pytest.mark.parametrize("damage", ["cut", "header", "block", "other"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    numbers(tmp_path / "good.avro")
    bad = numbers(tmp_path / "bad.avro")
    content = bad.read_bytes()
    damaged = {
        "cut": content[:-7],
        "header": content[:40],
        "block": content[:500] + bytes(100) + content[600:],
        "other": b"n,s\n1,a\n",
    }
    bad.write_bytes(damaged[damage])
    with pytest.raises(ShardError) as error:
        run(job(tmp_path))
    assert list(error.value.shards) == [str(bad)]


@pytest.mark.parametrize(
    ("avro", "told"),
    [
        ({"type": "map", "values": "int"}, "of type map"),
        (["int", "string"], "of type int or string"),
        (logical("int", "time-millis"), "of type time-millis"),
        (["null", "row"], "of type row"),
    ],
)
def test_a_type_that_no_table_holds_is_refused(tmp_path: Path, avro: Any, told: str) -> None:
    write(tmp_path / "a.avro", [{"name": "c", "type": avro}], [])
    with pytest.raises(SourceError, match=f"column 'c' is {told}"):
        find_dataset(Source(path=str(tmp_path), format="avro"))


def test_without_fastavro_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"pip install 'genspark\[avro\]'"):
        find_dataset(Source(path=str(tmp_path), format="avro"))
