"""Parquet files of a store that several passes read are copied to this machine, once."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import servers
from between import Between
from test_taxis import table

from genspark import JobConfig, job
from genspark.errors import SourceError

pytestmark = pytest.mark.slow
ROWS = 300
STEPS = (
    "[impute: {columns: x, strategy: mean}, outliers: {columns: x, method: zscore, threshold: 3, action: quarantine}, "
    "scale: {columns: x}]"
)


@pytest.fixture
def store(started: Callable[[str], Any]) -> Iterator[servers.S3]:
    there = started("s3")
    with servers.reachable(there):
        yield there


def fill(store: servers.Store, prefix: str, **more: Any) -> None:
    random = np.random.default_rng(7)
    for n in range(3):
        x = [None, 90.0, *random.normal(size=ROWS - 2)]
        stream = io.BytesIO()
        pl.DataFrame({"id": range(n * ROWS, (n + 1) * ROWS), "x": x, **more}).write_parquet(stream)
        store.put(f"{prefix}/in/{n}.parquet", stream.getvalue())


def config(store: servers.Store, prefix: str, out: str, *sets: str) -> JobConfig:
    return JobConfig.from_text(
        f"name: copy\nengine: polars\nsource: {{path: '{store.uri(prefix)}/in', format: parquet}}\nsteps: {STEPS}\n"
        f"sink: {{path: '{store.uri(prefix)}/{out}'}}\n",
        sets=sets,
    )


def test_each_file_is_asked_for_once_and_told_by_its_uri(
    store: servers.S3, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, prefix)
    between = Between(store.port, tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{between.port}")
    gets, found = [], []
    for stage, passes in (("auto", 1), ("never", 0)):
        between.counts()
        report = job.run(config(store, prefix, stage, f"source.stage={stage}"))
        gets.append(between.counts()["GET"])
        assert report.passes.get("stage", 0) == passes
        assert report.passes["fit"] == 2
        rows, aside = table(store, f"{prefix}/{stage}"), table(store, f"{prefix}/{stage}_quarantine")
        assert aside["x"].to_list() == [90.0] * 3
        files = [f"{store.uri(prefix)}/in/{n}.parquet" for n in range(3)]
        assert sorted(aside["_file"]) == sorted(set(rows["_source_file"])) == files
        found.append(rows.sort("id").select("id", "x", "_source_file").rows())
    between.end()
    assert found[0] == found[1]
    # Two passes less, of one request a file at least.
    assert gets[0] <= gets[1] - 2 * 3


def test_what_scans_do_not_read_is_not_copied_for_them(store: servers.S3, prefix: str) -> None:
    fill(store, prefix, image=[np.random.default_rng(n).bytes(500) for n in range(ROWS)])
    assert "stage" not in job.run(config(store, prefix, "out")).passes


def test_a_spoilt_file_is_named_by_its_uri(store: servers.S3, prefix: str) -> None:
    fill(store, prefix)
    content = store.get(f"{prefix}/in/1.parquet")
    store.put(f"{prefix}/in/1.parquet", content[:40] + b"\xff" * 2000 + content[2040:])
    with pytest.raises(SourceError, match=rf"^source\.path: {store.uri(prefix)}/in/1\.parquet cannot be read"):
        job.run(config(store, prefix, "out"))
