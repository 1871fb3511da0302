"""The phases of a job: shown as they go, with the tasks of an engine, and timed."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from genspark.job.progress import Progress
from genspark.job.runners.base import Watch
from genspark.storage.secrets import masked

_TOLD = ("session", "plan", "fit", "write")


@dataclass
class Phases:
    """Shows phases and notes, without secrets, by `progress`, and sums up the seconds of each kind of phase.

    `watch` is the runner's, once there is one.
    """

    progress: Progress
    watch: Watch | None = None
    _seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _started: float = field(default_factory=time.perf_counter)

    def note(self, line: str) -> None:
        """Show a line."""
        self.progress.note(masked(line))

    @contextlib.contextmanager
    def phase(self, kind: str, shown: str, *, reads: bool = False) -> Iterator[None]:
        """Show the block as a phase of a kind; where it reads rows, as a fit and a write do, with how far it is."""
        start = time.perf_counter()
        with self.progress.phase(shown), contextlib.ExitStack() as stack:
            if self.watch and (reads or kind in ("fit", "write")):
                stack.enter_context(self.watch(self.progress))
            try:
                yield
            finally:
                self._seconds[kind] += time.perf_counter() - start

    @property
    def elapsed(self) -> float:
        """The seconds since the job began."""
        return time.perf_counter() - self._started

    def seconds(self) -> dict[str, float]:
        """The seconds of each kind of phase, and all until now as `total`."""
        return {kind: round(self._seconds[kind], 3) for kind in _TOLD} | {"total": round(self.elapsed, 3)}
