"""A run of genspark in processes of its own, which all are killed at a moment: kill -9, as when a machine goes.

A moment is a time after the start, or a change in the folder: just after the n-th file appeared there. Between two
files there may be milliseconds of a run of seconds, where a moment by the clock hardly ever falls.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST = 240.0
"""Seconds after which a run that nobody kills is taken to hang."""
LOOK = 0.0003


@dataclass(frozen=True)
class Moment:
    """So many seconds after the start, or, where a change is named, after that change."""

    seconds: float
    change: int | None = None

    def __str__(self) -> str:
        after = "the start" if self.change is None else f"change {self.change} of a file"
        return f"{1000 * self.seconds:.1f} ms after {after}"


@dataclass(frozen=True)
class Ran:
    """How a run ended: its exit code (-9: killed), what it said, its seconds, and the changes that were seen."""

    code: int
    said: str
    seconds: float
    changes: int


def moments(chance: random.Random, clean: Ran, count: int) -> list[Moment]:
    """So many moments, of which half are spread over the time that a clean run took, and half over its changes."""
    by_clock = count // 2
    spread = [(place + chance.random()) / by_clock for place in range(by_clock)]
    clock = [Moment(share * clean.seconds) for share in spread]
    by_change = count - by_clock
    places = [int((place + chance.random()) * clean.changes / by_change) + 1 for place in range(by_change)]
    return clock + [Moment(chance.choice([0.0, 0.003]) * chance.random(), change) for change in places]


def run_until(conf: Path, moment: Moment | None) -> Ran:
    """Run a job and kill it, and all that it started, at the moment; None: let it end."""
    said = conf.with_name("said.txt")
    changes, killing = _Changes(conf.parent), None
    with said.open("wb") as output:
        start = time.perf_counter()
        command = [sys.executable, "-m", "genspark.cli", "run", str(conf), "--json", "-q"]
        run = subprocess.Popen(
            command, cwd=conf.parent, env=_environment(conf), stdout=output, stderr=output, start_new_session=True
        )
        try:
            while run.poll() is None:
                now = time.perf_counter() - start
                if moment and killing is None:
                    if moment.change is None:
                        killing = moment.seconds
                    elif changes.seen() >= moment.change:
                        killing = now + moment.seconds
                elif not moment:
                    changes.seen()
                if now > (LONGEST if killing is None else killing):
                    break
                time.sleep(LOOK)
        finally:
            seconds = time.perf_counter() - start
            kill_session(run)
    return Ran(run.returncode, said.read_text(encoding="utf-8", errors="replace"), seconds, changes.seen())


def kill_session(run: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started, in whatever process groups these are, until none is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    # Spark's Python workers make a group of their own, but stay in the session.
    while others := list(_of_session(run.pid)):
        for process in others:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(LOOK)
    run.wait()


def _of_session(leader: int) -> Iterator[psutil.Process]:
    """The live processes of a session."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _environment(conf: Path) -> dict[str, str]:
    """This process's, less what a session in it has set; what is left behind in the temporary folder goes with ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    scratch = conf.with_name("tmp")
    scratch.mkdir(exist_ok=True)
    mine = {"GENSPARK_QUICK": "1", "SPARK_DRIVER_MEMORY": "1g", "TMPDIR": str(scratch), "PYTHONPATH": str(REPOSITORY)}
    return {**kept, **mine}


class _Changes:
    """The files that appeared below the tables of a folder, or took another's place, since the first look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = set(self._files())
        self._first = len(self._known)

    def seen(self) -> int:
        """The number of changes so far."""
        self._known.update(self._files())
        return len(self._known) - self._first

    def _files(self) -> Iterator[tuple[str, int]]:
        for table in self._folder.glob("table*"):
            yield from _below(str(table))


def _below(folder: str) -> Iterator[tuple[str, int]]:
    # Folders and files may go while they are looked at.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            else:
                yield entry.path, entry.inode()
