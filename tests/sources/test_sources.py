"""Every format is read, compressed or not, by one path, a list or a glob."""

from __future__ import annotations

import bz2
import gzip
import io
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.orc
import pytest
import zstandard
from PIL import Image

from genspark.config import Source
from genspark.engines.fate import CORRUPT
from genspark.errors import SourceError
from genspark.sources.on_spark import read

pytestmark = pytest.mark.usefixtures("interpreted")
ROWS = [(1, "a"), (2, None), (3, "ü")]
CSV = "n,s\n1,a\n2,\n3,ü\n".encode()
JSON = '{"n":1,"s":"a"}\n{"n":2}\n{"n":3,"s":"ü"}\n'.encode()
COMPRESS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard.compress}


def rows(spark: Any, **fields: Any) -> list[tuple[Any, ...]]:
    frame = read(spark, Source(**fields)).frame
    return sorted((tuple(row)[:2] for row in frame.collect()), key=lambda row: row[0])


@pytest.mark.connect("kind")
@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize(("kind", "content"), [("csv", CSV), ("json", JSON)])
def test_text_formats(spark: Any, tmp_path: Path, kind: str, content: bytes, ending: str) -> None:
    (tmp_path / f"a.{kind}{ending}").write_bytes(COMPRESS[ending](content))
    assert rows(spark, path=str(tmp_path), format=kind) == ROWS


@pytest.mark.connect
def test_columnar_formats(spark: Any, tmp_path: Path) -> None:
    frame = pl.DataFrame(ROWS, schema=["n", "s"], orient="row")
    frame.write_parquet(tmp_path / "a.parquet")
    pyarrow.orc.write_table(
        frame.to_arrow().cast(pa.schema([("n", pa.int64()), ("s", pa.string())])), tmp_path / "a.orc"
    )
    assert rows(spark, path=str(tmp_path / "a.parquet"), format="parquet") == ROWS
    assert rows(spark, path=str(tmp_path / "a.orc"), format="orc") == ROWS


@pytest.mark.connect
def test_text(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    assert rows(spark, path=str(tmp_path), format="text") == [("one",), ("two",)]


def test_a_list_and_a_glob_read_the_same(spark: Any, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.csv").write_bytes(CSV)
    both = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert rows(spark, path=both, format="csv") == rows(spark, path=f"{tmp_path}/[ab].csv", format="csv")


def test_a_schema_saves_the_pass_that_infers_it(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    inferred = read(spark, Source(path=str(tmp_path), format="csv"))
    typed = read(spark, Source(path=str(tmp_path), format="csv", schema="n double, s string"))
    assert (inferred.passes, typed.passes) == (1, 0)
    assert [kind for _, kind in typed.frame.dtypes] == ["double", "string", "string"]
    assert [row[0] for row in typed.frame.collect()] == [1.0, 2.0, 3.0]


@pytest.mark.connect("kind")
@pytest.mark.parametrize(
    ("kind", "content", "bad"),
    [("csv", b"n,s\n1,a\nx,b\n2,c\n", "x,b"), ("json", b'{"n":1,"s":"a"}\n{"n":\n{"n":2,"s":"c"}\n', '{"n":')],
)
def test_records_that_cannot_be_read_are_kept_as_text(
    spark: Any, tmp_path: Path, kind: str, content: bytes, bad: str
) -> None:
    (tmp_path / f"a.{kind}").write_bytes(content)
    frame = read(spark, Source(path=str(tmp_path), format=kind, schema="n int, s string")).frame
    assert [row[CORRUPT] for row in frame.collect()] == [None, bad, None]


def test_which_records_are_corrupt_does_not_depend_on_the_columns_read(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"n,s\n1,a\n2,b,extra\nx,c\n")
    frame = read(spark, Source(path=str(tmp_path), format="csv", schema="n int, s string")).frame
    assert len(frame.filter(frame[CORRUPT].isNotNull()).collect()) == 2
    assert frame.filter(frame[CORRUPT].isNull()).select("s").collect() == [("a",)]


@pytest.mark.connect
def test_delta_by_version_and_timestamp(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    for n in (1, 2):
        spark.createDataFrame([(n, "a")], "n int, s string").write.format("delta").mode("overwrite").save(path)
    assert rows(spark, path=path, format="delta") == [(2, "a")]
    assert rows(spark, path=path, format="delta", version=0) == [(1, "a")]
    first = spark.sql(f"DESCRIBE HISTORY delta.`{path}`").collect()[-1]["timestamp"]
    assert rows(spark, path=path, format="delta", timestamp=str(first)) == [(1, "a")]


def test_a_delta_source_is_pinned_while_others_write(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    frame = spark.createDataFrame([(1, "a")], "n int, s string")
    frame.write.format("delta").save(path)
    given = read(spark, Source(path=path, format="delta"))
    frame.write.format("delta").mode("append").save(path)
    assert given.frame.count() == 1
    assert given.description["version"] == 0


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "png")
    return out.getvalue()


@pytest.mark.connect
def test_images_have_path_label_size_and_bytes(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "big cats").mkdir()
    (tmp_path / "big cats" / "a b.png").write_bytes(png(4, 3))
    (tmp_path / "big cats" / "notes.txt").write_text("not an image, and not asked for")
    (row,) = read(spark, Source(path=str(tmp_path), format="images")).frame.collect()
    assert (row["path"], row["label"], row["width"], row["height"]) == ("big cats/a b.png", "big cats", 4, 3)
    assert bytes(row["image"]) == png(4, 3)


def test_an_image_that_is_none_is_told(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(b"no image")
    (row,) = read(spark, Source(path=str(tmp_path), format="images")).frame.collect()
    assert (row["width"], bytes(row["image"])) == (None, b"no image")
    assert row[CORRUPT] == "not an image that can be read: UnidentifiedImageError"


def test_the_version_of_files_changes_with_them(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    source = Source(path=str(tmp_path), format="csv")
    before = read(spark, source).description
    (tmp_path / "a.csv").write_bytes(CSV + b"4,d\n")
    after = read(spark, source).description
    assert before["files"] == after["files"] == 1
    assert before["version"] != after["version"]


def test_a_folder_without_shards(spark: Any, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"source\.path: "):
        read(spark, Source(path=str(tmp_path), format="parquet"))
