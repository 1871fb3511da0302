"""What is looked at again and again while work goes on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

INTERVAL = 0.2
"""Seconds between two looks."""


@contextlib.contextmanager
def polled(look: Callable[[], None], name: str) -> Iterator[None]:
    """Look 5 times a second while the block runs, from a daemon thread of this name, and a last time as it ends.

    A look that raises is the last: it is not worth the work's failing.
    """
    ended = threading.Event()

    def watch() -> None:
        with contextlib.suppress(Exception):
            while not ended.wait(INTERVAL):
                look()
            look()

    thread = threading.Thread(target=watch, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=2)
