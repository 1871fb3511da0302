"""Runs of genspark: here, or in processes of their own, which are all killed at a moment, as when a machine goes.

A moment is a time after the start, or a change in the folder: just after the n-th file appeared there. Between two
files there may be milliseconds of a run of seconds, where a moment by the clock hardly ever falls.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from genspark.cli import main

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "genspark.cli")
LOOK = 0.0003
"""Seconds between two looks at a run."""
LONGEST = 240.0
"""Seconds after which a run is taken to hang."""


def run_here(conf: Path) -> Any:
    """The report of a run in this process, in which a session of Spark is there already."""
    said, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        code = main(["run", str(conf), "--json", "-q"])
    assert code == 0, told.getvalue()
    return json.loads(said.getvalue().splitlines()[-1])


@dataclass(frozen=True)
class Look:
    """A run as it is now: its process, its seconds, and how many files have appeared among its tables."""

    process: psutil.Process
    seconds: float
    changes: int


@dataclass(frozen=True)
class Moment:
    """So many seconds after the start, or, where a change is named, after that change."""

    seconds: float
    change: int | None = None

    def __str__(self) -> str:
        after = "the start" if self.change is None else f"file {self.change} appeared"
        return f"{1000 * self.seconds:.1f} ms after {after}"

    def has_come(self, look: Look) -> bool:
        """Whether the run has to be killed now."""
        if self.change is None:
            return look.seconds >= self.seconds
        if look.changes < self.change:
            return False
        time.sleep(self.seconds)
        return True


@dataclass(frozen=True)
class Ran:
    """How a run ended: its exit code (-9: killed), what it said, its seconds, and the files that appeared."""

    code: int
    said: str
    seconds: float
    changes: int

    @property
    def report(self) -> Any:
        """The report, which is the last line that it said."""
        return json.loads(self.said.splitlines()[-1])


def moments(chance: random.Random, clean: Ran, count: int) -> list[Moment]:
    """So many moments, of which half are spread over the time that a clean run took, and half over its changes."""
    by_clock = count // 2
    spread = [(place + chance.random()) / by_clock for place in range(by_clock)]
    clock = [Moment(share * clean.seconds) for share in spread]
    by_change = count - by_clock
    places = [int((place + chance.random()) * clean.changes / by_change) + 1 for place in range(by_change)]
    return clock + [Moment(chance.choice([0.0, 0.003]) * chance.random(), change) for change in places]


def watched(
    conf: Path,
    is_over: Callable[[Look], bool] = lambda _: False,
    command: Sequence[str] = COMMAND,
    settings: Mapping[str, str] | None = None,
) -> Ran:
    """Run a job, and kill it and all that it started once `is_over`, which is asked a thousand times a second."""
    said = conf.with_name("said.txt")
    appeared = _Appeared(conf.parent)
    with said.open("wb") as output:
        start = time.perf_counter()
        run = psutil.Popen(
            [*command, "run", str(conf), "--json", "-q"],
            cwd=conf.parent,
            env={**_environment(conf), **(settings or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while run.poll() is None and not is_over(look := Look(run, time.perf_counter() - start, appeared.count())):
                assert look.seconds < LONGEST, "the run hangs"
                time.sleep(LOOK)
        finally:
            seconds = time.perf_counter() - start
            kill_session(run)
    return Ran(run.returncode, said.read_text(encoding="utf-8", errors="replace"), seconds, appeared.count())


def kill_session(run: psutil.Popen) -> None:
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
    """This process's, less what a session in it has set, with a temporary folder that keeps what a kill leaves."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    scratch = conf.with_name("tmp")
    scratch.mkdir(exist_ok=True)
    mine = {"GENSPARK_QUICK": "1", "SPARK_DRIVER_MEMORY": "1g", "TMPDIR": str(scratch), "PYTHONPATH": str(REPOSITORY)}
    return {**kept, **mine}


class _Appeared:
    """The files that appeared among the tables in a folder, or took another's place, since the first look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = set(self._files())
        self._first = len(self._known)

    def count(self) -> int:
        """The number of them so far."""
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
