"""Stores that refuse: one line with the place, the store's own words and the remedy, before any work."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import servers
from between import Between
from test_faults import ROWS, copy, fill, ids

from genspark import JobConfig, job
from genspark.errors import SourceError, StoreError, TargetError
from genspark.storage.refusals import is_refusal

pytestmark = pytest.mark.slow
KEY = "AZURE_STORAGE_ACCOUNT_KEY"


@pytest.fixture
def between(started: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """What the job takes for the server of S3's kind."""
    store = started("s3")
    with servers.reachable(store):
        it = Between(store.port, tmp_path)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{it.port}")
        yield it
        it.end()


def told(source: str, out: str, tmp_path: Path) -> str:
    """What a job says that cannot be: its last words, which are one line, before it wrote anything here."""
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    with pytest.raises((SourceError, TargetError, StoreError)) as refused:
        job.run(
            JobConfig.from_text(
                f"name: copy\nengine: polars\nsource: {{path: '{source or tmp_path / 'in.csv'}', format: csv}}\n"
                f"sink: {{path: '{out or tmp_path / 'out'}'}}\n"
            )
        )
    line = str(refused.value)
    assert "\n" not in line
    assert not (tmp_path / "out" / "_delta_log").exists()
    return line


def of_both(uri: str, tmp_path: Path) -> tuple[str, str]:
    """What a job says that reads there, and one that writes there, each without its place and URI."""
    reads, writes = told(f"{uri}/in", "", tmp_path), told("", f"{uri}/out", tmp_path)
    assert reads.startswith(f"source.path: {uri}/in: ")
    assert writes.startswith(f"sink.path: {uri}/out: ")
    return reads.removeprefix(f"source.path: {uri}/in: "), writes.removeprefix(f"sink.path: {uri}/out: ")


def test_a_token_that_is_too_old(between: Between, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-yesterday")
    between.by("expired")
    words = (
        "the store answers ExpiredToken: The provided token has expired; these credentials are too old: get new ones"
    )
    assert of_both("s3://shelf/refused", tmp_path) == (words, words)


def test_another_region(between: Between, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    between.by("of_region", region="eu-central-1")
    for words in of_both(f"s3://shelf/{prefix}", tmp_path):
        assert "the region 'us-east-1' is wrong; expecting 'eu-central-1'" in words
        assert words.endswith("; name the bucket's own region, by AWS_REGION or storage.s3.region")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    out = f"s3://shelf/{prefix}/out"
    text = f"name: copy\nengine: polars\nsource: {{path: '{tmp_path}/in.csv', format: csv}}\nsink: {{path: '{out}'}}\n"
    assert job.run(JobConfig.from_text(text)).rows_written == 1


@pytest.mark.parametrize("kind", ["s3", "gs", "abfs"])
def test_a_bucket_that_is_not_there(started: Callable[[str], Any], kind: str, tmp_path: Path) -> None:
    store = started(kind)
    with servers.reachable(store):
        uri = store.root.replace("shelf", "nowhere")
        reads, writes = told(f"{uri}/in", "", tmp_path), told("", f"{uri}/out", tmp_path)
    code = {"s3": "NoSuchBucket", "gs": "no bucket named nowhere", "abfs": "ContainerNotFound"}[kind]
    assert reads.startswith(f"source.path: there is nothing at {uri}/in: the store answers ")
    assert writes.startswith(f"sink.path: {uri}/out: the store answers ")
    for words in (reads, writes):
        assert code in words
        assert words.endswith("; check the bucket's name and the endpoint, or make the bucket")


def signature(store: servers.Azure, hours: int, permissions: str) -> str:
    """A shared access signature of the account that ends so many hours from now."""
    now = dt.datetime.now(dt.UTC)
    start, end = ((now + dt.timedelta(hours=h)).strftime("%Y-%m-%dT%H:%M:%SZ") for h in (-48, hours))
    told = {"sv": "2020-08-04", "ss": "b", "srt": "sco", "sp": permissions, "st": start, "se": end, "spr": "https,http"}
    signed = [store.ACCOUNT, *(told[name] for name in ("sp", "ss", "srt", "st", "se")), "", told["spr"], told["sv"], ""]
    digest = hmac.new(base64.b64decode(store.ACCOUNT_KEY), "\n".join(signed).encode(), hashlib.sha256).digest()
    return urlencode({**told, "sig": base64.b64encode(digest).decode()})


def test_signatures_of_azure(
    started: Callable[[str], Any], prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = started("abfs")
    with servers.reachable(store):
        uri = store.uri(prefix)
        monkeypatch.delenv(KEY)
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature(store, -1, "rwdlacup"))
        for words in of_both(uri, tmp_path):
            assert words.startswith("the store answers AuthorizationFailure: ")
            assert "; storage.azure.sas_token ended at 20" in words
            assert words.endswith(": get a new one")
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature(store, 1, "rl"))
        assert "AuthorizationPermissionMismatch" in told("", f"{uri}/out", tmp_path)
        assert store.names(prefix) == []
        # The same with a question mark, as the portal hands it out.
        for n, mark in enumerate(("", "?")):
            monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", mark + signature(store, 1, "rwdlacup"))
            store.put(f"{prefix}/in/{n}.csv", b"id,g\n1,2\n")
            assert job.run(copy(store, prefix)).rows_written == 1


def test_a_name_node_that_refuses_or_is_not_there(
    started: Callable[[str], Any], prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = started("hdfs")
    with servers.reachable(store):
        monkeypatch.setenv("HADOOP_USER_NAME", "nobody")
        words = told("", store.uri(f"{prefix}/out"), tmp_path)
    assert "/out: the store answers AccessControlException: Permission denied: user=nobody, access=WRITE, " in words
    assert len(words) < 400
    for words in of_both("hdfs://127.0.0.1:1/shelf", tmp_path):
        assert words.startswith("nothing answers at hdfs://127.0.0.1:1/shelf/")


def test_a_shard_that_the_store_keeps_back_is_not_taken_for_spoilt(
    started: Callable[[str], Any], prefix: str, between: Between
) -> None:
    store = started("s3")
    fill(store, prefix, 2)
    quarantining = copy(store, prefix, "source.on_corrupt=quarantine")

    class Expiring(job.Silent):
        @contextlib.contextmanager
        def phase(self, name: str) -> Iterator[None]:
            between.by("expired", key="/in/1.csv")
            yield

    with pytest.raises(SourceError, match=r"in/1\.csv cannot be read") as told:
        job.run(quarantining, progress=Expiring())
    assert "\n" not in str(told.value)
    between.by("passed")
    assert job.run(quarantining).shards_quarantined == 0
    assert ids(store, prefix) == list(range(2 * ROWS))


@pytest.mark.parametrize(
    ("failure", "is_the_stores"),
    [
        ("AWS Error ACCESS_DENIED during GetObject operation (HTTP status 403)", True),
        ("Error performing GET http://127.0.0.1/shelf/x in 30s - HTTP error", True),
        ("Parquet magic bytes not found in footer", False),
        ("Expected 3 columns, got 2: timed by hand", False),
    ],
)
def test_what_is_a_stores_failure(failure: str, *, is_the_stores: bool) -> None:
    assert is_refusal(failure) is is_the_stores
