"""`Progress`, the interface that shows a job's progress; the terminal has one implementation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol


class Progress(Protocol):
    """Shows the progress of a job."""

    def phase(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Show this phase while the block runs."""

    def tasks(self, done: int, known: int) -> None:
        """Tasks of the phase that are done, of those known so far."""

    def rows(self, done: int, share: float | None = None) -> None:
        """Rows of the phase that are read, and the share of its work that is done, from 0 to 1, where that is known."""

    def note(self, line: str) -> None:
        """Show a line once."""


class Silent:
    """Shows nothing."""

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        yield

    def tasks(self, done: int, known: int) -> None:
        return None

    def rows(self, done: int, share: float | None = None) -> None:
        return None

    def note(self, line: str) -> None:
        return None


def hears_of_rows(progress: Progress) -> bool:
    """Whether something becomes of the rows that are told, as it does not where `rows` is that of `Silent`."""
    return getattr(progress.rows, "__func__", None) is not Silent.rows
