"""`sink.compression` on every writer: the codec that the footers name, and levels that are heeded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from genspark.config import Sink
from genspark.sinks.choice import of_frames
from genspark.sinks.files.faults import NOT_COMPRESSED
from genspark.sinks.files.writer import write_files
from genspark.sinks.formats import sink_of
from genspark.tables.inspection import inspect

CODECS = [("snappy", None, "SNAPPY"), ("zstd", 3, "ZSTD"), ("gzip", 6, "GZIP"), ("lz4", None, "LZ4")]
LINES = [f"{i * 7919 % 1000} then {i * 104729 % 977} and {i % 13}" for i in range(20_000)]
ROWS = pl.DataFrame({"n": range(len(LINES)), "text": LINES})


def files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*.parquet*") if "_delta_log" not in file.parts and file.name[0] != ".")


def codec_of(path: Path) -> str:
    return str(pq.read_metadata(path).row_group(0).column(1).compression)


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in files(path))


def by_files(path: Path, **section: Any) -> Path:
    spec = Sink(path=str(path), **section)
    sink = sink_of("delta")()
    table = sink.find(spec.path)
    layout = sink.layout(table, spec, "0" * 32)
    write_files(ROWS.lazy(), sink.folder(table, "0" * 32), layout)
    return path


def by_spark(spark: Any, path: Path, **section: Any) -> Path:
    spec = Sink(path=str(path), **section)
    sink = of_frames(spec, spark, lambda _: None)
    if spec.format == "parquet":
        # Through `auto` Arrow would write them.
        sink = sink_of("parquet")(in_tasks=True).by_spark(spark)
    sink.commit(sink.find(spec.path), spec, spark.createDataFrame(ROWS.to_arrow()).coalesce(1), {"run_id": "r"}, {})
    return path


@pytest.mark.parametrize(("codec", "level", "footer"), CODECS)
def test_the_files_of_polars(tmp_path: Path, codec: str, level: int | None, footer: str) -> None:
    (file,) = files(by_files(tmp_path / "a", compression=codec, compression_level=level))
    assert codec_of(file) == footer
    assert pl.read_parquet(file).equals(ROWS)
    # Without a level it is the one that the documentation names.
    assert size(by_files(tmp_path / "b", compression=codec)) == file.stat().st_size


def test_levels_and_none(tmp_path: Path) -> None:
    sizes = [
        size(by_files(tmp_path / f"{codec}-{level}", compression=codec, compression_level=level))
        for codec, level in (("zstd", 19), ("zstd", 1), ("none", None))
    ]
    assert sizes == sorted(sizes)
    assert codec_of(files(tmp_path / "none-None")[0]) == "UNCOMPRESSED"


@pytest.mark.on_spark
@pytest.mark.parametrize(("codec", "level", "footer"), CODECS)
def test_the_files_of_spark(spark: Any, tmp_path: Path, codec: str, level: int | None, footer: str) -> None:
    (file,) = files(by_spark(spark, tmp_path / "a", format="parquet", compression=codec, compression_level=level))
    assert codec_of(file) == footer
    assert pl.read_parquet(file).sort("n").equals(ROWS)
    if level:
        # Its codecs are others than PyArrow's, and it writes dictionaries of what does not repeat.
        assert file.stat().st_size == pytest.approx(size(by_files(tmp_path / "ours", compression=codec)), rel=0.6)
        other = {"zstd": 15, "gzip": 1}[codec]
        by_spark(spark, tmp_path / "b", format="parquet", compression=codec, compression_level=other)
        light, hard = (tmp_path / name for name in ("ab" if other > level else "ba"))
        assert size(light) > 1.02 * size(hard)
        assert spark.conf.get("parquet.compression.codec.zstd.level", None) is None


@pytest.mark.connect
@pytest.mark.on_spark
@pytest.mark.parametrize("writer", ["delta", "arrow"])
def test_a_delta_table_of_spark(spark: Any, tmp_path: Path, writer: str) -> None:
    small, large = (
        by_spark(spark, tmp_path / f"{n}", writer=writer, compression="zstd", compression_level=n) for n in (15, 1)
    )
    assert {codec_of(file) for path in (small, large) for file in files(path)} == {"ZSTD"}
    assert size(large) > 1.02 * size(small)


def test_a_table_that_was_to_be_uncompressed_is_no_finding(tmp_path: Path) -> None:
    from genspark import JobConfig, run

    ROWS.write_csv(tmp_path / "a.csv")
    job = f"""
name: plain
engine: polars
source: {{path: '{tmp_path}/a.csv', format: csv}}
sink: {{path: '{tmp_path}/table', compression: none}}
"""
    run(JobConfig.from_text(job))
    found = inspect(str(tmp_path / "table"))
    assert found.targets.compression.codec == "none"
    assert NOT_COMPRESSED not in [fault for file in found.snapshot.files for fault in found.faults(file)]
