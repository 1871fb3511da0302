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
from rich.table import Column

from genspark.engines.polars.meter import METER
from genspark.job.progress import Progress, Silent
from genspark.terminal.events import log_json

_EVERY = 10.0  # seconds between two lines of JSON that tell how far a phase is
_ALMOST = 0.999  # of a bar that is not quite full


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
    # More than one pass may be made, and none says how long it is.
    with progress.phase(phase), METER.watched(lambda done, _: progress.rows(done)):
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

    def rows(self, done: int, share: float | None = None) -> None:
        self._clock.rows = done
        if self._bars is None:
            return
        told = [f"{int(share * 100)}%"] if share is not None else []
        told += [f"{done:,} rows, {self._clock.rows_a_second:,}/s"] if done else []
        # A whole bar stops the clock, and after the last row a phase may go on.
        self._bars.update(
            self._bars.task_ids[0],
            told=", ".join(told),
            completed=None if share is None else min(share, _ALMOST),
            total=None if share is None else 1.0,
        )

    def note(self, line: str) -> None:
        self._say(line)

    @contextlib.contextmanager
    def _bar(self, name: str) -> Iterator[None]:
        # Else a narrow terminal would cut the times.
        short = Column(no_wrap=True, max_width=self._console.width // 3)
        named = TextColumn("{task.description}", table_column=short)
        columns = (SpinnerColumn(), named, BarColumn(), TextColumn("{task.fields[told]}"))
        whole = Column(no_wrap=True)
        times = (TimeElapsedColumn(table_column=whole), TimeRemainingColumn(compact=True, table_column=whole))
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

    def rows(self, done: int, share: float | None = None) -> None:
        self._clock.rows = done
        self._tell(**({} if share is None else self._clock.left(share)))

    def note(self, line: str) -> None:
        log_json("note", message=line)

    def _tell(self, **told: Any) -> None:
        if time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            log_json("progress", phase=self._name, seconds=round(self._clock.seconds, 3), **self._rows(), **told)

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

    def left(self, share: float) -> dict[str, float]:
        """The share of the phase that is done, and how many seconds the rest takes if it goes on as until now."""
        told = {"share": round(share, 3)}
        return {**told, "seconds_left": round(self.seconds * (1 / share - 1), 1)} if share else told
