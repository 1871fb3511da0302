"""What ends a command that goes on: a signal, which lets the run at work finish."""

from __future__ import annotations

import signal
import threading
from types import TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Is set by SIGINT or SIGTERM while the block lasts; a second one interrupts what is at work.

    An interrupt ends the block quietly: what was at work has put back what it did.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self.heed()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> bool:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        return kind is not None and issubclass(kind, KeyboardInterrupt)

    @property
    def is_asked(self) -> bool:
        """Whether a signal has come."""
        return self._asked.is_set()

    def heed(self) -> None:
        """Take the signals, once more where others took them: a session of Spark takes the interrupt as it starts."""
        for number in _SIGNALS:
            self._before.setdefault(number, signal.signal(number, self._ask))

    def wait(self, seconds: float) -> None:
        """Wait, no longer than until a signal comes."""
        self._asked.wait(seconds)

    def _ask(self, _: int, __: object) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
