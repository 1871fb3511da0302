"""Stores that fail: requests are tried again within bounds, then there is one clear message.

The table is as it was, and the next run does what is left.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from between import Between
from test_taxis import table

from genspark import JobConfig, job
from genspark.errors import GensparkError, SourceError, TargetError
from genspark.storage.probing import _asked

pytestmark = pytest.mark.slow
ROWS = 4000
LONGEST = 75
"""Seconds after which a run that cannot go on has said so."""


@pytest.fixture
def store(started: Callable[[str], Any]) -> Iterator[servers.S3]:
    there = started("s3")
    with servers.reachable(there):
        yield there


@pytest.fixture
def between(store: servers.S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """What the job takes for the server."""
    it = Between(store.port, tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{it.port}")
    yield it
    it.end()


def copy(store: servers.Store, key: str, *sets: str) -> JobConfig:
    return JobConfig.from_text(
        f"name: copy\nengine: polars\nsource: {{path: '{store.uri(key)}/in', format: csv}}\n"
        f"sink: {{path: '{store.uri(key)}/out', mode: append, partition_by: g, max_records_per_file: 100}}\n",
        sets=sets,
    )


def fill(store: servers.Store, key: str, shards: int, first: int = 0) -> None:
    for n in range(first, first + shards):
        lines = "".join(f"{n * ROWS + i},{i % 3}\n" for i in range(ROWS))
        store.put(f"{key}/in/{n}.csv", f"id,g\n{lines}".encode())


def ids(store: servers.Store, key: str) -> list[int]:
    return sorted(table(store, f"{key}/out")["id"].to_list())


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        pytest.param("throttled", {"times": 1}, id="503"),
        pytest.param("throttled", {"times": 2, "status": 429}, id="429", marks=pytest.mark.exhaustive),
        pytest.param("slow", {"seconds": 0.05}, id="slow", marks=pytest.mark.exhaustive),
    ],
)
def test_a_store_that_asks_for_patience_gets_it(
    store: servers.S3, prefix: str, between: Between, rule: str, options: dict[str, Any]
) -> None:
    fill(store, prefix, 1)
    between.by(rule, **options)
    assert job.run(copy(store, prefix)).rows_written == ROWS
    assert ids(store, prefix) == list(range(ROWS))


@pytest.mark.exhaustive
@pytest.mark.parametrize("methods", ["GET", "PUT"], ids=["read", "write"])
def test_a_server_that_goes_ends_the_run_in_one_line_and_the_next_completes_it(
    store: servers.S3, prefix: str, between: Between, methods: str
) -> None:
    fill(store, prefix, 1)
    job.run(copy(store, prefix))
    fill(store, prefix, 3, first=1)
    between.by("gone_after", requests=12, methods=methods)
    begun = time.monotonic()
    with pytest.raises(GensparkError) as told:
        job.run(copy(store, prefix))
    assert time.monotonic() - begun < 2 * LONGEST
    assert "\n" not in str(told.value)
    assert ids(store, prefix) == list(range(ROWS))
    between.by("passed")
    job.run(copy(store, prefix))
    assert ids(store, prefix) == list(range(4 * ROWS))


def test_a_server_that_is_started_again_is_waited_for(prefix: str, tmp_path: Path) -> None:
    store = servers.S3(tmp_path)
    with servers.reachable(store):
        fill(store, prefix, 2)
        begun = threading.Event()

        class Killing(job.Silent):
            def note(self, line: str) -> None:
                if not begun.is_set():
                    begun.set()
                    store.process.kill()
                    threading.Timer(1, store.process.start).start()

        assert job.run(copy(store, prefix), progress=Killing()).rows_written == 2 * ROWS
        assert ids(store, prefix) == list(range(2 * ROWS))
    store.end()


def test_what_may_not_be_written_is_told_before_any_work(store: servers.S3, prefix: str, between: Between) -> None:
    fill(store, prefix, 1)
    between.by("read_only")
    _asked.cache_clear()
    with pytest.raises(TargetError, match=r"^sink\.path: s3://shelf/.*/out: .*(AccessDenied|Forbidden|403)"):
        job.run(copy(store, prefix))
    assert store.names(f"{prefix}/out") == []


@pytest.mark.exhaustive
def test_a_store_that_never_stops_to_throttle_ends_the_run(store: servers.S3, prefix: str, between: Between) -> None:
    fill(store, prefix, 1)
    between.by("throttled", times=-1)
    begun = time.monotonic()
    with pytest.raises((TargetError, SourceError)) as told:
        job.run(copy(store, prefix))
    assert time.monotonic() - begun < LONGEST
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("engine", ["spark"])
def test_a_bucket_that_is_not_there_is_one_line_on_spark_too(
    store: servers.S3, prefix: str, start: Callable[[str], str], engine: str
) -> None:
    nowhere = f"source.path=s3a://nowhere/{prefix}/in"
    with pytest.raises(GensparkError, match=r"^source\.path: .*nowhere") as told:
        job.run(copy(store, prefix, f"engine={start(engine)}", nowhere))
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 2


@pytest.mark.exhaustive
def test_a_data_node_that_dies_is_not_noticed(tmp_path: Path) -> None:
    store = servers.Hdfs(tmp_path, nodes=3)
    with servers.reachable(store):
        sets = ["storage.hdfs.settings={dfs.replication: '2'}"]
        fill(store, "x", 2)
        job.run(copy(store, "x", *sets))
        fill(store, "x", 1, first=2)
        store.data_nodes[0].kill()
        job.run(copy(store, "x", *sets))
        assert ids(store, "x") == list(range(3 * ROWS))
    store.end()
