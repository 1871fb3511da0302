"""Run a program and watch what it and all it starts take: memory at the peak, processor time in all."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.1


@dataclass(frozen=True)
class Usage:
    """What a process tree took.

    `peak_bytes` is the largest sum of resident memory seen in samples 0.1 s apart; pages that two
    processes share count twice. `cpu_seconds` is user and system time, from the start of the program.
    `others` is the share of the machine's processor time that went elsewhere meanwhile: above a few
    per cent, wall times tell more about the neighbours than about the program.
    """

    peak_bytes: int
    cpu_seconds: float
    others: float


def run_watched(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path
) -> tuple[int, str, Usage]:
    """Run a command in `folder`, its stderr going to `log`; its exit code, its stdout and its usage."""
    said = log.with_suffix(".out")
    with log.open("wb") as stderr, said.open("wb") as stdout:
        program = psutil.Popen(command, cwd=folder, env=dict(environment), stdout=stdout, stderr=stderr)
        try:
            usage = _watch(program)
        finally:
            _end(program)
    return program.returncode, said.read_text(encoding="utf-8", errors="replace"), usage


def _watch(program: psutil.Popen) -> Usage:
    peak, cpu = 0, dict[int, float]()
    start, busy_before = time.perf_counter(), _busy_seconds()
    while program.poll() is None:
        resident = 0
        for process in _tree(program):
            with contextlib.suppress(psutil.Error), process.oneshot():
                resident += process.memory_info().rss
                times = process.cpu_times()
                cpu[process.pid] = times.user + times.system
        peak = max(peak, resident)
        time.sleep(INTERVAL)
    own = sum(cpu.values())
    offered = (time.perf_counter() - start) * (psutil.cpu_count() or 1)
    return Usage(peak, own, max(0.0, _busy_seconds() - busy_before - own) / offered)


def _busy_seconds() -> float:
    """Processor time of the whole machine since it started, what a hypervisor took away included."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def _tree(program: psutil.Popen) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [program, *program.children(recursive=True)]
    return []


def _end(program: psutil.Popen) -> None:
    """Leave nothing running where the watching was interrupted."""
    if program.poll() is not None:
        return
    for process in reversed(_tree(program)):
        with contextlib.suppress(psutil.Error):
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(10)
