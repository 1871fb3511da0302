"""The progress of long work on standard error: a bar on a terminal, plain lines in a log, or lines of JSON."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from genspark.engines.polars.meter import METER
from genspark.job.progress import Progress, Silent
from genspark.terminal.events import log_json

_EVERY = 10.0  # seconds between two lines of JSON that tell how far a phase is


def progress_of(arguments: SimpleNamespace) -> Progress:
    """The progress that a command's options ask for: none, for a person, or as JSON."""
    if arguments.quiet:
        return Silent()
    return JsonProgress() if arguments.log == "json" else ConsoleProgress()


@contextlib.contextmanager
def shown(arguments: SimpleNamespace, phase: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress while the block runs, as a command's options ask for it; yields where to tell how far it is."""
    progress = progress_of(arguments)
    with progress.phase(phase):
        yield progress.tasks


@contextlib.contextmanager
def reading(arguments: SimpleNamespace, phase: str) -> Iterator[None]:
    """Show the rows that this process reads while the block runs, as a command's options ask for it."""
    progress = progress_of(arguments)
    with progress.phase(phase), METER.watched(progress.rows):
        yield


class ConsoleProgress:
    """Progress for a person."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bars: Bars | None = None
        self._clock = Clock()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self._clock = Clock()
        if self._console.is_terminal:
            with self._bar(name):
                yield
        else:
            self._say(f"{name} ...")
            yield
        rows = f", {self._clock.rows:,} rows, {self._clock.rows_a_second:,} a second" if self._clock.rows else ""
        self._say(f"{name}: {self._clock.seconds:.1f} s{rows}")

    def tasks(self, done: int, known: int) -> None:
        if self._bars is not None and known:
            self._bars.update(self._bars.task_ids[0], completed=done, total=known, told=f"{done}/{known}")

    def rows(self, done: int) -> None:
        self._clock.rows = done
        if self._bars is not None and done:
            told = f"{done:,} rows, {self._clock.rows_a_second:,} a second"
            self._bars.update(self._bars.task_ids[0], told=told)

    def note(self, line: str) -> None:
        self._say(line)

    @contextlib.contextmanager
    def _bar(self, name: str) -> Iterator[None]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
        times = (TimeElapsedColumn(), TimeRemainingColumn(compact=True))
        with Bars(*columns, *times, console=self._console, transient=True) as bars:
            bars.add_task(name, total=None, told="")
            self._bars = bars
            try:
                yield
            finally:
                self._bars = None

    def _say(self, line: str) -> None:
        self._console.print(
            line, markup=False, emoji=False, highlight=False, style="dim" if self._console.is_terminal else None
        )


class JsonProgress:
    """Progress for programs: a line of JSON for each event, with its time in UTC."""

    def __init__(self) -> None:
        self._clock, self._name, self._told = Clock(), "", time.monotonic()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self._clock, self._name, self._told = Clock(), name, time.monotonic()
        log_json("phase_started", phase=name)
        yield
        log_json("phase_ended", phase=name, seconds=round(self._clock.seconds, 3), **self._rows())

    def tasks(self, done: int, known: int) -> None:
        self._tell(tasks_done=done, tasks_known=known)

    def rows(self, done: int) -> None:
        self._clock.rows = done
        self._tell()

    def note(self, line: str) -> None:
        log_json("note", message=line)

    def _tell(self, **told: Any) -> None:
        if time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            log_json("progress", phase=self._name, seconds=round(self._clock.seconds, 3), **told, **self._rows())

    def _rows(self) -> dict[str, int]:
        return {"rows": self._clock.rows, "rows_a_second": self._clock.rows_a_second} if self._clock.rows else {}


class Clock:
    """The time since a phase began, and the rows that were read in it."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.rows = 0

    @property
    def seconds(self) -> float:
        """The seconds since the phase began."""
        return time.perf_counter() - self._start

    @property
    def rows_a_second(self) -> int:
        """The rows read a second."""
        return round(self.rows / max(self.seconds, 1e-3))
