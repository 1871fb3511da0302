"""What an object store costs: the main job from S3Proxy on loopback beside the local disk, requests, and many objects.

python benchmarks/storage.py                  16 shards of 500 MB in all, and 10,000 small objects
python benchmarks/storage.py --mb 100 --objects 1000
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "storage")]

import servers  # noqa: E402
from between import Between  # noqa: E402

from genspark import JobConfig, job  # noqa: E402
from genspark.sources import list_source  # noqa: E402

STEPS = (
    "[impute: {columns: '*', strategy: mean}, outliers: {columns: '*', method: zscore, threshold: 6}, "
    "scale: {columns: '*'}]"
)
SHARDS, COLUMNS = 16, 20


def config(source: str, out: str) -> JobConfig:
    return JobConfig.from_text(
        f"name: bench\nengine: polars\nsource: {{path: '{source}', format: parquet}}\nsteps: {STEPS}\n"
        f"sink: {{path: '{out}', mode: overwrite, lineage: false}}\n"
    )


def shards(megabytes: int) -> list[bytes]:
    """Random doubles, as Parquet files of this size together."""
    rows = megabytes * 1_000_000 // (8 * COLUMNS * SHARDS)
    random = np.random.default_rng(7)
    made = []
    for _ in range(SHARDS):
        stream = io.BytesIO()
        pl.DataFrame({f"x{i}": random.normal(size=rows) for i in range(COLUMNS)}).write_parquet(stream)
        made.append(stream.getvalue())
    return made


class Taken(NamedTuple):
    """Seconds of a run, of which the processors worked for the job and for the server."""

    wall: float
    job: float
    server: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s (processors: job {self.job:.1f}, server {self.server:.1f})"


def seconds(source: str, out: str, store: servers.S3) -> Taken:
    """The best of five in each, since the first one warms the disk's cache and the machine may have other work."""
    runs = []
    for _ in range(5):
        before = Taken(time.perf_counter(), time.process_time(), worked(store))
        job.run(config(source, out), force=True)
        after = Taken(time.perf_counter(), time.process_time(), worked(store))
        runs.append([end - begin for begin, end in zip(before, after, strict=True)])
    return Taken(*(min(run[i] for run in runs) for i in range(3)))


def worked(store: servers.S3) -> float:
    """The seconds of a processor that the server has taken so far, as Linux tells them."""
    assert store.process.process is not None
    fields = Path(f"/proc/{store.process.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def throughput(store: servers.S3, folder: Path, megabytes: int) -> None:
    (folder / "in").mkdir()
    for n, content in enumerate(shards(megabytes)):
        (folder / "in" / f"{n:02}.parquet").write_bytes(content)
        store.put(f"in/{n:02}.parquet", content)
    here = seconds(f"{folder}/in", f"{folder}/out", store)
    there = seconds(store.uri("in"), store.uri("out"), store)
    print(f"{megabytes} MB in {SHARDS} shards, local: {here}")
    print(f"from and to S3Proxy: {there}: {here.wall / there.wall:.2f} of local, job alone {here.job / there.job:.2f}")


def requests(store: servers.S3, folder: Path) -> None:
    """The requests that planning a job makes, by the number of its files."""
    between = Between(store.port, folder)
    for files in (10, 100, 2500):
        for n in range(files):
            store.put(f"few-{files}/{n:05}.csv", b"a,b\n1,2\n")
        with_between = {**store.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{between.port}"}
        store.environment, before = with_between, store.environment
        with servers.reachable(store):
            between.counts()
            list_source(config(store.uri(f"few-{files}"), store.uri("none")).source)
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(between.counts().items()))
        store.environment = before
        print(f"listing {files} objects: {counts}")
    between.end()


def many(store: servers.S3, folder: Path, objects: int) -> None:
    # Put by the server's own disk: what is measured is the listing.
    place = folder / "s3" / "data" / store.bucket / "many"
    place.mkdir(parents=True)
    for n in range(objects):
        (place / f"{n:06}.csv").write_bytes(b"a,b\n1,2\n")
    begun = time.perf_counter()
    found = list_source(config(store.uri("many"), store.uri("none")).source)
    print(f"planning {len(found.shards)} small objects: {time.perf_counter() - begun:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--objects", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s3").mkdir()
        # With both compilers, as a server has them.
        servers.SMALL_JVM[:] = ["-Xmx1g"]
        store = servers.S3(folder / "s3")
        try:
            with servers.reachable(store):
                requests(store, folder)
                many(store, folder, arguments.objects)
                throughput(store, folder, arguments.mb)
        finally:
            store.end()


if __name__ == "__main__":
    main()
