"""What compression costs: sizes and seconds of csv shards by their codec, and of tables by `sink.compression`.

    python benchmarks/compression.py                               # 1 million taxi trips, 600 photographs
    python benchmarks/compression.py --rows 20000 --no-spark

Trips are real ones drawn with replacement, each moved by some minutes, so that no two are alike; photographs are
CIFAR-10's JPEG files as they are. GENSPARK_DATA names the folder that holds them. Every figure is the best of
`--repeat` runs in one process. The tables go to stdout, as Markdown.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import lzma
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cramjam
import polars as pl
import pyarrow as pa
import zstandard

from genspark.config import Source
from genspark.errors import SourceError
from genspark.sinks.files.compression import Compression
from genspark.sinks.files.encoder import Bytes, Encoder
from genspark.sinks.files.layout import Layout
from genspark.sources import find_dataset, scan

SCHEMA = (
    "pickup timestamp, dropoff timestamp, passengers int, distance double, fare double, tip double, tolls double, "
    "total double, color string, payment string, pickup_zone string, dropoff_zone string, pickup_borough string, "
    "dropoff_borough string"
)
TABLES = (
    *(("none", None), ("snappy", None), ("lz4", None)),
    *(("zstd", level) for level in (1, 3, 9, 19)),
    *(("gzip", level) for level in (1, 6)),
)
_BLOCK = 128 << 10


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    trips = _trips(asked.data, asked.rows)
    with tempfile.TemporaryDirectory(dir=asked.out) as folder:
        print(_table(("shard", "MB", "share", "polars s", "spark s"), _shards(trips, Path(folder), asked)))
        headings = ("compression", "trips MB", "share", "write s", "read s", "photographs KB", "write ms", "read ms")
        print(_table(headings, _tables(trips, _photographs(asked.data), asked.repeat)))
    return 0


def _trips(data: Path, rows: int) -> pl.DataFrame:
    real = pl.read_csv(data / "taxis.csv", try_parse_dates=True)
    drawn = real.sample(rows, with_replacement=True, seed=7)
    minutes = pl.Series((pl.int_range(rows, eager=True).hash(11) % 40_000).cast(pl.Int64))
    moved = pl.duration(minutes=minutes, seconds=minutes % 60)
    return drawn.with_columns(pl.col("pickup") + moved, pl.col("dropoff") + moved)


def _photographs(data: Path) -> pl.DataFrame:
    files = sorted((data / "cifar10").rglob("*.jpg"))
    return pl.DataFrame({"label": [f.parent.name for f in files], "image": [f.read_bytes() for f in files]})


def _shards(trips: pl.DataFrame, folder: Path, asked: argparse.Namespace) -> list[list[str]]:
    text = trips.write_csv(datetime_format="%Y-%m-%d %H:%M:%S").encode()
    spark = None if asked.no_spark else _session()
    rows = []
    for suffix, pack in CODECS.items():
        path = folder / f"trips.csv{suffix}"
        path.write_bytes(pack(text))
        source = Source(path=str(path), format="csv", schema=SCHEMA)
        polars = _best(lambda source=source: _read(source), asked.repeat)
        size = path.stat().st_size
        cells = [suffix or "plain", _number(size / 1e6), f"{size / len(text):.2f}", _number(polars)]
        rows.append([*cells, _on_spark(spark, source, asked.repeat)])
        path.unlink()
    return rows


def _read(source: Source) -> None:
    """Parse every value, and count."""
    scan(find_dataset(source)).select(pl.all().count()).collect(engine="streaming")


def _session() -> Any:
    from genspark.session import get_spark

    return get_spark("compression")


def _on_spark(spark: Any, source: Source, repeat: int) -> str:
    if spark is None:
        return "-"
    from genspark.sources.on_spark import read

    try:
        frame = read(spark, source).frame
    except SourceError:
        return "refused"
    return _number(_best(lambda: frame.write.format("noop").mode("overwrite").save(), repeat))


def _tables(trips: pl.DataFrame, photographs: pl.DataFrame, repeat: int) -> list[list[str]]:
    plain = _encoded(trips, Compression("none"))
    rows = []
    for codec, level in TABLES:
        compression = Compression(codec, level)
        cells = [f"{codec} {level or ''}".strip()]
        for frame, units, unit in ((trips, 1e6, 1), (photographs, 1e3, 1e3)):
            written = _encoded(frame, compression)
            write = _best(lambda frame=frame, compression=compression: _encoded(frame, compression), repeat)
            read = _best(lambda written=written: pl.read_parquet(io.BytesIO(written)), repeat)
            cells += [_number(len(written) / units)]
            cells += [f"{len(written) / len(plain):.2f}"] if unit == 1 else []
            cells += [_number(write * unit), _number(read * unit)]
        rows.append(cells)
    return rows


def _encoded(frame: pl.DataFrame, compression: Compression) -> bytes:
    """The frame as genspark's writer encodes it."""
    encoder, sink = Encoder("", Layout((), "", compression=compression)), pa.BufferOutputStream()
    encoder.encode(frame, sink, encoder.rows_in_a_group(frame, Bytes.of(frame, encoder)))
    return bytes(sink.getvalue())


def _lz4_frame(text: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(text)
    return bytes(sink.getvalue())


def _hadoops(compress: Callable[[bytes], Any]) -> Callable[[bytes], bytes]:
    def pack(text: bytes) -> bytes:
        blocks = []
        for start in range(0, len(text), _BLOCK):
            block = text[start : start + _BLOCK]
            packed = bytes(compress(block))
            blocks.append(len(block).to_bytes(4) + len(packed).to_bytes(4) + packed)
        return b"".join(blocks)

    return pack


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda text: gzip.compress(text, 6),
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor(level=3).compress,
    ".xz": lambda text: lzma.compress(text, preset=2),
    ".deflate": zlib.compress,
    "-frame.lz4": _lz4_frame,
    ".lz4": _hadoops(lambda block: cramjam.lz4.compress_block(block, store_size=False)),
    ".snappy": _hadoops(cramjam.snappy.compress_raw),
}


def _best(work: Callable[[], Any], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _number(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    ruler = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in (headings, ruler, *rows)), ""])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Sizes and seconds of shards and tables by their compression.")
    beside = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("GENSPARK_DATA", beside)))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-spark", action="store_true", help="leave Spark out")
    parser.add_argument("--out", type=Path, help="a folder for the shards; the system's temporary one if left out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
