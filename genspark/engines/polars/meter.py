"""How many rows this process has read: what progress is told from."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

_INTERVAL = 0.2  # seconds between two looks


class Meter:
    """Counts rows as they pass, on whatever thread."""

    def __init__(self) -> None:
        self.rows = 0
        self._lock = threading.Lock()

    def add(self, rows: int) -> None:
        """Count rows that were read."""
        with self._lock:
            self.rows += rows

    @contextlib.contextmanager
    def watched(self, tell: Callable[[int], None]) -> Iterator[None]:
        """Tell the rows read since the block began, 5 times a second from a daemon thread, and as it ends."""
        before, ended = self.rows, threading.Event()

        def watch() -> None:
            while not ended.wait(_INTERVAL):
                tell(self.rows - before)

        thread = threading.Thread(target=watch, name="genspark-meter", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=2)
            tell(self.rows - before)


METER = Meter()
