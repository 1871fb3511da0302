"""How many rows this process has read: what progress is told from."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from genspark.polling import polled


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
        """Tell the rows read since the block began, while it runs and as it ends, from another thread."""
        before = self.rows
        with polled(lambda: tell(self.rows - before), "genspark-meter"):
            yield


METER = Meter()
