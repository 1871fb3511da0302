"""Compressed shards: read on every engine that can, and named and refused where one would misread them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cramjam
import polars as pl
import pyarrow as pa
import pytest
import zstandard

from genspark import JobConfig, run
from genspark.config import Source
from genspark.errors import ShardError, SourceError
from genspark.job.progress import Silent
from genspark.sources import find_dataset, scan
from genspark.sources.codecs import open_unpacked
from genspark.sources.on_spark import read

CSV = b"n,s\n" + b"".join(b"%d,row %d\n" % (i, i * i) for i in range(5000))


def lz4_frame(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def hadoop(content: bytes, compress: Callable[[bytes], Any], block: int = 20_000, chunk: int = 9_000) -> bytes:
    """Hadoop's framing: blocks of a length, each of chunks with theirs."""
    out = b""
    for start in range(0, len(content), block):
        whole = content[start : start + block]
        out += len(whole).to_bytes(4)
        for begin in range(0, len(whole), chunk):
            packed = bytes(compress(whole[begin : begin + chunk]))
            out += len(packed).to_bytes(4) + packed
    return out


def lz4_block(content: bytes) -> Any:
    return cramjam.lz4.compress_block(content, store_size=False)


PACKED: dict[str, tuple[str, bytes]] = {
    "gzip, two members": (".gz", gzip.compress(CSV[:999]) + gzip.compress(CSV[999:])),
    "bzip2, two streams": (".bz2", bz2.compress(CSV[:999]) + bz2.compress(CSV[999:])),
    "zstd": (".zst", zstandard.compress(CSV)),
    "xz, two streams": (".xz", lzma.compress(CSV[:999]) + lzma.compress(CSV[999:])),
    "deflate": (".deflate", zlib.compress(CSV)),
    "lz4's frame": (".lz4", lz4_frame(CSV)),
    "lz4 of Hadoop": (".lz4", hadoop(CSV, lz4_block)),
    "snappy of Hadoop": (".snappy", hadoop(CSV, cramjam.snappy.compress_raw)),
}


@pytest.mark.parametrize("codec", PACKED)
def test_every_codec_is_read_and_a_file_cut_short_is_named(tmp_path: Path, codec: str) -> None:
    suffix, packed = PACKED[codec]
    (tmp_path / f"a.csv{suffix}").write_bytes(packed)
    with open_unpacked(str(tmp_path / f"a.csv{suffix}")) as stream:
        assert stream.read(3) == b"n,s"
    source = Source(path=str(tmp_path), format="csv")
    frame = scan(find_dataset(source)).collect()
    assert frame.select(pl.col("n").sum(), pl.col("s").last(), pl.len()).row(0) == (12497500, "row 24990001", 5000)
    (tmp_path / f"cut.csv{suffix}").write_bytes(packed[:-5])
    with pytest.raises(ShardError) as error:
        find_dataset(source)
    assert list(error.value.shards) == [str(tmp_path / f"cut.csv{suffix}")]


@pytest.mark.parametrize("suffix", [".lz4", ".snappy", ".xz", ".deflate"])
def test_damaged_bytes_are_no_rows(tmp_path: Path, suffix: str) -> None:
    packed = next(content for name, content in reversed(PACKED.values()) if name == suffix)
    (tmp_path / f"a.csv{suffix}").write_bytes(packed[:60] + bytes([255] * 40) + packed[100:])
    with pytest.raises((ShardError, SourceError), match=f"a.csv{suffix}"):
        scan(find_dataset(Source(path=str(tmp_path), format="csv"))).collect()


@pytest.mark.parametrize(
    ("name", "kind", "content", "told"),
    [
        ("a.csv.lzo", "csv", b"?", r"\.lzo is not read; unpack it, or compress it with zstd, gzip or bzip2"),
        ("a.csv.zip", "csv", b"?", r"\.zip is not read"),
        ("a.csv.snappy", "csv", b"\xff\x06\x00\x00sNaPpY", "not in Hadoop's framing"),
        ("a.parquet.gz", "parquet", gzip.compress(b"PAR1"), "parquet is not read from files compressed as a whole"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, name: str, kind: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((SourceError, ShardError), match=told):
        find_dataset(Source(path=str(tmp_path), format=kind))


@pytest.mark.parametrize("kind", ["csv", "text"])
@pytest.mark.parametrize("codec", ["gzip", "bzip2", "deflate", "snappy", "lz4"])
def test_what_hadoop_wrote_is_read_alike(spark: Any, tmp_path: Path, codec: str, kind: str) -> None:
    # Lines longer than Hadoop's buffers, so that blocks have several chunks.
    numbers = " ".join(map(str, range(100_000)))
    rows = [(f"row {i}" + numbers * (i % 2),) for i in range(4)]
    written = spark.createDataFrame(rows, "value string").coalesce(1).write.option("compression", codec)
    (written.option("header", True).csv if kind == "csv" else written.text)(f"{tmp_path}/t")
    source = Source(path=f"{tmp_path}/t", format=kind)
    ours = scan(find_dataset(source)).collect()["value"].to_list()
    theirs = [row["value"] for row in read(spark, source).frame.collect()]
    assert sorted(ours) == sorted(theirs) == sorted(row[0] for row in rows)


@pytest.mark.connect("codec")
@pytest.mark.parametrize(
    ("codec", "told"),
    [
        ("xz, two streams", "Spark does not read .xz; set engine: polars"),
        ("lz4's frame", "Spark reads .lz4 in Hadoop's framing alone, and this is another; set engine: polars"),
    ],
)
def test_spark_is_kept_from_what_it_would_misread(spark: Any, tmp_path: Path, codec: str, told: str) -> None:
    suffix, packed = PACKED[codec]
    (tmp_path / f"a b.csv{suffix}").write_bytes(packed)
    job = f"""
name: packed
engine: spark
source: {{path: '{tmp_path}', format: csv, schema: 'n long, s string'}}
steps: [{{scale: {{columns: n}}}}]
sink: {{path: {tmp_path}/table}}
"""
    with pytest.raises(SourceError, match=told):
        run(JobConfig.from_text(job), spark=spark)
    assert run(JobConfig.from_text(job.replace("engine: spark", "engine: polars"))).rows_written == 5000


@pytest.mark.parametrize("engine", ["spark", "spark-polars"])
def test_one_piece_that_others_wait_for_is_told(
    spark: Any, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV))
    (tmp_path / "b.csv.bz2").write_bytes(bz2.compress(CSV + CSV[4:]))
    job = JobConfig.from_text(
        f"name: packed\nengine: {engine}\nsource: {{path: '{tmp_path}/*.csv.*', format: csv}}\n"
        f"steps: [{{scale: {{columns: n}}}}]\nsink: {{path: {tmp_path}/table, mode: overwrite}}\n"
    )
    monkeypatch.setattr("genspark.job.runners.sharing.SMALLEST", 1000)
    assert not [line for line in notes(job, spark) if "one piece" in line]
    (tmp_path / "b.csv.bz2").unlink()
    (told,) = [line for line in notes(job, spark) if "one piece" in line]
    assert "a.csv.gz has" in told
    assert "write it as 2 files or more, or as .bz2, which engine spark splits" in told


def notes(job: JobConfig, spark: Any) -> list[str]:
    class Noted(Silent):
        def note(self, line: str) -> None:
            lines.append(line)

    lines: list[str] = []
    run(
        job.model_copy(update={"sink": job.sink.model_copy(update={"mode": "overwrite"})}),
        spark=spark,
        progress=Noted(),
    )
    return lines
