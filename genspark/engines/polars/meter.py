"""How far this process is with a pass over the rows: what progress is told from."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from genspark.columns.expressions import HIDDEN
from genspark.polling import polled

NUMBER = f"{HIDDEN}number"
"""Integer: the number, from 0, of a row among those of its scan. It tells how many were read where some are dropped."""

Part = TypeVar("Part")

Tell = Callable[[int, float | None], None]
"""(rows read, share of the pass that is done, None where that is not known): tells it."""


class Meter:
    """Counts, on whatever thread: rows and bytes of files that are read, rows to be written, and those that are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rows = self._watching = 0
        self.begin()

    def begin(self, rows: int | None = None, size: int | None = None, *, writes: bool = False) -> None:
        """Begin a pass over so many rows, or else bytes of files, where one is known; with `writes` it writes rows."""
        with self._lock:
            self._before, self._size, self._kept, self._written = self.rows, 0, 0, 0
            self._all_rows, self._all_bytes, self._writes = rows, size, writes

    def add(self, rows: int = 0, *, size: int = 0, kept: int = 0, written: int = 0) -> None:
        """Count rows and bytes that were read, rows that are to be written, and rows that were."""
        with self._lock:
            self.rows, self._size = self.rows + rows, self._size + size
            self._kept, self._written = self._kept + kept, self._written + written

    def reach(self, rows: int) -> None:
        """Count rows up to this number of them."""
        with self._lock:
            self.rows = max(self.rows, rows)

    @contextlib.contextmanager
    def through(self, rows: int | None) -> Iterator[None]:
        """Count so many rows, if that is known, by the end of the block: a filter may hide the last of them."""
        before = self.rows
        yield
        self.reach(before + (rows or 0))

    def along(self, parts: Iterable[tuple[Part, int]]) -> Iterator[Part]:
        """The parts of a file, each given with the number of the file's bytes that have been read with it."""
        before = 0
        for part, place in parts:
            self.add(size=place - before)
            before = place
            yield part

    @property
    def knows_rows(self) -> bool:
        """Whether it is known how many rows the pass has."""
        return self._all_rows is not None

    @property
    def wants_numbers(self) -> bool:
        """Whether someone watches a pass that is told by its rows, which are to have their `NUMBER` then."""
        return self._watching > 0 and self.knows_rows

    @property
    def share(self) -> float | None:
        """The share of the pass that is done, from 0 to 1; None where it is not known how long the pass is."""
        by_rows = (self.rows - self._before, self._all_rows)
        done, whole = by_rows if self.knows_rows else (self._size, self._all_bytes)
        if not whole:
            return None
        read = min(1.0, done / whole)
        # Many rows may wait until all are read. As many as now are taken to be kept of those to come.
        return read * (1 + self._written / max(1, self._kept)) / 2 if self._writes else read

    @contextlib.contextmanager
    def watched(self, tell: Tell) -> Iterator[None]:
        """Tell the rows read since the block began, and the share of its pass, which never falls.

        It is told while the block runs and as it ends, from another thread.
        """
        self.begin()
        before, most = self.rows, 0.0

        def look() -> None:
            nonlocal most
            share = self.share
            most = max(most, share or 0.0)
            tell(self.rows - before, None if share is None else most)

        self._watch(1)
        try:
            with polled(look, "genspark-meter"):
                yield
        finally:
            self._watch(-1)

    def _watch(self, more: int) -> None:
        with self._lock:
            self._watching += more


METER = Meter()
