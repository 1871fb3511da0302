"""One peer in a fresh process: the start that it gets, and what became of it."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data import Spec
from peers.task import Task
from watch import Ended, run_watched

from genspark.session.jvm import available_memory


def run_program(command: list[str], environment: dict[str, str], limit: int) -> dict[str, Any]:
    """What a program tells as JSON on its last line, or the `reason` why there is nothing to tell."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"reason": f"more than {limit} seconds"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"reason": (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:160]}
    return dict(json.loads(lines[-1]))


def middle_program(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run of the middle speed; the first where none told of its seconds."""
    whole = sorted((run for run in runs if "seconds" in run), key=lambda run: run["seconds"])
    return whole[(len(whole) - 1) // 2] if whole else runs[0]


def run_peer(asked: argparse.Namespace, spec: Spec, peer: str, shards: Path, folder: Path) -> dict[str, Any]:
    """What the peer tells and what it took; `status` is ok, skipped, or how it failed, and then there is a `reason`.

    The table is in `folder`, under `table`.
    """
    folder.mkdir()
    log = folder / "stderr.log"
    _settle(shards)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as scratch:
        task = Task(
            peer=peer,
            shards=str(shards),
            table=str(folder / "table"),
            rows=spec.rows,
            columns=spec.names,
            threshold=asked.threshold,
            cores=asked.cores,
            memory=asked.memory,
            free_memory=available_memory(),
            scratch=scratch,
            **spec.source(),
        )
        ended = _start(asked, task, log)
    return _told(ended, log) | asdict(ended.usage)


def _settle(shards: Path) -> None:
    """The same start for every peer: what the one before wrote is on disk, the shards are in memory if they fit."""
    if hasattr(os, "sync"):
        os.sync()
    for shard in sorted(path for path in shards.rglob("*") if path.is_file()):
        with shard.open("rb") as stream:
            while stream.read(1 << 24):
                pass


def _start(asked: argparse.Namespace, task: Task, log: Path) -> Ended:
    python = asked.ray_python if task.peer == "ray" else sys.executable
    command = [python, str(Path(__file__).with_name("peer.py")), json.dumps(asdict(task))]
    threads = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS"), str(task.cores))
    environment = {**os.environ, **threads}
    # Or genspark alone would be compiled in each run: the others' bytecode came with their packages.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return run_watched(command, folder=log.parent, environment=environment, log=log, limit=asked.limit)


def _told(ended: Ended, log: Path) -> dict[str, Any]:
    """A peer's `Outcome` as a mapping, with a status."""
    if ended.stopped:
        status, _, reason = ended.stopped.partition(": ")
        return {"status": status, "reason": reason}
    if ended.code or not ended.said.strip():
        return _failure(ended.code, log.read_text(encoding="utf-8", errors="replace"))
    outcome = json.loads(ended.said.splitlines()[-1])
    if "skipped" in outcome:
        return {"status": "skipped", "reason": outcome["skipped"]}
    return {"status": "ok", **outcome}


def _failure(code: int, text: str) -> dict[str, str]:
    """Status and reason, each short enough for a table and for a line."""
    was_killed = code == -9
    lacked_memory = was_killed or re.search(r"OutOfMemory|MemoryError|std::bad_alloc", text)
    said = "killed by the system" if was_killed else _mistake(text)
    return {
        "status": "out of memory" if lacked_memory else "failed",
        "reason": said or f"exit code {code} and not a word",
    }


def _mistake(text: str) -> str:
    """The last exception in what a program said, else its last line."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    # At the start of a line: an exception, not the stack that it came by.
    starts = [at for at, line in enumerate(lines) if re.match(r"[A-Za-z_][\w.]*(Error|Exception)\b", line)]
    found = lines[starts[-1] : starts[-1] + 3] if starts else lines[-1:]
    return textwrap.shorten(" ".join(found).replace("|", "/"), 240, placeholder=" ...")
