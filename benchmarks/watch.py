"""Run a program and watch what it and all it starts take: memory at the peak, processor time in all."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

INTERVAL = 0.1
# The share of the machine's memory that has to stay free: beyond it the system would kill what it likes.
SPARE = 0.02


@dataclass(frozen=True)
class Usage:
    """What a process tree took.

    `peak_process_bytes` is the largest resident memory of any single process, `peak_bytes` that of all
    together, seen in samples 0.1 s apart. In the latter, memory that can be shared counts once: the
    largest share of any process stands for all of them. `cpu_seconds` is user and system time, from the
    start of the program. `others` is the share of the machine's processor time that went elsewhere
    meanwhile: above a few per cent, wall times tell more about the neighbours than about the program.
    """

    peak_bytes: int
    peak_process_bytes: int
    cpu_seconds: float
    others: float


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code, its stdout, what it took, and why it was stopped if it was."""

    code: int
    said: str
    usage: Usage
    stopped: str | None


def run_watched(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path, limit: float
) -> Ended:
    """Run a command in `folder`, its stderr going to `log`; stop it after `limit` seconds, or when memory runs out."""
    said = log.with_suffix(".out")
    with log.open("wb") as stderr, said.open("wb") as stdout:
        program = psutil.Popen(command, cwd=folder, env=dict(environment), stdout=stdout, stderr=stderr)
        watch = _Watch(program)
        try:
            stopped = watch.until_end(limit)
        finally:
            watch.end()
    return Ended(program.returncode, said.read_text(encoding="utf-8", errors="replace"), watch.usage(), stopped)


@dataclass
class _Watch:
    """A program on its way: every process of it that was seen, and the most they took."""

    program: psutil.Popen
    peak: int = 0
    peak_process: int = 0
    cpu: dict[int, float] = field(default_factory=dict)
    seen: dict[int, psutil.Process] = field(default_factory=dict)
    start: float = field(default_factory=time.perf_counter)
    busy_before: float = field(default_factory=lambda: _busy_seconds())

    def until_end(self, limit: float) -> str | None:
        """Sample until the program ends by itself, or there is a reason to stop it."""
        while self.program.poll() is None:
            self.sample()
            if time.perf_counter() - self.start > limit:
                return f"out of time: stopped after {limit:g} s"
            if psutil.virtual_memory().available < SPARE * psutil.virtual_memory().total:
                return f"out of memory: stopped when the machine had {SPARE:.0%} left"
            time.sleep(INTERVAL)
        return None

    def sample(self) -> None:
        own, shared = 0, 0
        for process in self.tree():
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                self.cpu[process.pid] = times.user + times.system
                if self.is_being_started(process):
                    continue
                memory = process.memory_info()
                # Linux tells what of it can be shared; elsewhere it counts as the process's own.
                both = getattr(memory, "shared", 0)
                own, shared = own + memory.rss - both, max(shared, both)
                self.peak_process = max(self.peak_process, memory.rss)
        self.peak = max(self.peak, own + shared)

    def is_being_started(self, process: psutil.Process) -> bool:
        """Whether it is a thread of its parent's that has yet to become a program, in its parent's memory.

        A JVM starts programs in that way, and its gigabytes would count twice.
        """
        parent = self.seen.get(process.ppid())
        return bool(parent) and parent.cmdline() == process.cmdline() and parent.name() != process.name()

    def tree(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            found = [self.program, *self.program.children(recursive=True)]
            self.seen |= {process.pid: process for process in found}
            return found
        return []

    def end(self) -> None:
        """Leave nothing running: not where the watching was interrupted, nor what outlived the program."""
        self.tree()
        for process in reversed(self.seen.values()):
            with contextlib.suppress(psutil.Error):
                # psutil refuses where the number has gone to another process since.
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.program.wait(10)

    def usage(self) -> Usage:
        own = sum(self.cpu.values())
        offered = (time.perf_counter() - self.start) * (psutil.cpu_count() or 1)
        others = max(0.0, _busy_seconds() - self.busy_before - own) / offered
        return Usage(self.peak, self.peak_process, own, others)


def _busy_seconds() -> float:
    """Processor time of the whole machine since it started, what a hypervisor took away included."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
