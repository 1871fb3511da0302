"""Servers in processes of their own on loopback: started, waited for, killed, started again, and ended."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("GENSPARK_TEST_SERVERS") or "~/.cache/genspark-tests").expanduser()
"""Where servers that are no jars lie: see CONTRIBUTING.md."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Process:
    """A command that serves; `is_up` tells when it does."""

    command: Sequence[str]
    folder: Path
    is_up: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    name: str = "server"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        with (self.folder / f"{self.name}.log").open("a") as log:
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=log, stderr=log, env=environment)
        # A test that fails, or a store that does not come up, leaves no server behind.
        atexit.register(self.kill)

    def wait(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            if self.is_up():
                return
            time.sleep(0.05)
        self.end()
        pytest.fail(f"{self.name} did not start: {(self.folder / f'{self.name}.log').read_text()[-2000:]}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def end(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
