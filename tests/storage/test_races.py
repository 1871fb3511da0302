"""Several processes append to one table at once: every commit is there, once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import servers
from between import Between
from test_taxis import table

from genspark import JobConfig, job
from genspark.errors import TargetError

pytestmark = pytest.mark.slow
WRITER = Path(__file__).with_name("race_writer.py")
RACES, APPENDS = (int(os.environ.get(f"GENSPARK_{name}") or n) for name, n in (("RACES", 10), ("APPENDS", 50)))


def race(store: servers.Store, key: str, writers: list[str], appends: int, folder: Path) -> None:
    """Let them append, and hold the table against what each was told to add."""
    go = folder / key
    names = [f"{kind}-{n}" for n, kind in enumerate(writers)]
    running = []
    try:
        for kind, name in zip(writers, names, strict=True):
            command = [sys.executable, str(WRITER), kind, store.uri(key), name, str(appends), str(go)]
            with (folder / f"{key}-{name}.log").open("w") as log:
                running.append(subprocess.Popen(command, stdout=log, stderr=log))
        deadline = time.monotonic() + 180
        while not all(Path(f"{go}-{name}").exists() for name in names):
            assert time.monotonic() < deadline
            assert all(process.poll() is None for process in running), said(folder, key, names)
            time.sleep(0.05)
        go.touch()
        assert [process.wait(900) for process in running] == [0] * len(running), said(folder, key, names)
    finally:
        for process in running:
            process.kill()
            process.wait()
    rows = table(store, key)
    assert sorted(rows.select("writer", "n").rows()) == sorted((name, n) for name in names for n in range(appends))
    versions = [name for name in store.names(f"{key}/_delta_log") if name.endswith(".json")]
    assert len(versions) == appends * len(writers)


def said(folder: Path, key: str, names: list[str]) -> str:
    return "\n".join((folder / f"{key}-{name}.log").read_text()[-1500:] for name in names)


def test_no_commit_is_lost(started: Callable[[str], Any], prefix: str, tmp_path: Path) -> None:
    store = started("s3")
    with servers.reachable(store):
        race(store, prefix, ["polars", "polars", "deltalake"], 6, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", range(RACES))
def test_no_commit_of_two_drivers_and_a_deltalake_is_lost(
    started: Callable[[str], Any], tmp_path: Path, number: int
) -> None:
    store = started("s3")
    with servers.reachable(store):
        race(store, f"race-{number}", ["spark", "spark", "deltalake"], APPENDS, tmp_path)


def copy(store: servers.Store, prefix: str, *sets: str) -> JobConfig:
    store.put(f"{prefix}/in/a.csv", b"a,b\n1,2\n")
    return JobConfig.from_text(
        f"name: copy\nengine: polars\nsource: {{path: '{store.uri(prefix)}/in', format: csv}}\n"
        f"sink: {{path: '{store.uri(prefix)}/out'}}\n",
        sets=sets,
    )


def test_a_store_that_lets_two_writers_have_one_name_is_refused(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without signatures, which would tell that a header is gone.
    store = servers.S3(tmp_path, authorization="none")
    between = Between(store.port, tmp_path, "unconditional")
    with servers.reachable(store):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{between.port}")
        with pytest.raises(TargetError, match=r"^sink\.path: s3://.*/out: bucket shelf does not heed If-None-Match"):
            job.run(copy(store, prefix))
        assert [name for name in store.names(f"{prefix}/out") if not name.startswith("_genspark/")] == []
        assert job.run(copy(store, prefix, "storage.s3.one_writer=true")).rows_written == 1
    between.end()
    store.end()


@pytest.mark.parametrize("engine", ["spark"])
def test_deltas_own_writer_is_refused_where_it_loses_commits(
    started: Callable[[str], Any], prefix: str, start: Callable[[str], str], engine: str
) -> None:
    store = started("s3")
    with servers.reachable(store):
        own = copy(store, prefix, f"engine={start(engine)}", "sink.writer=delta")
        with pytest.raises(TargetError, match=r"^sink\.path: s3://.* loses commits where two drivers"):
            job.run(own)
