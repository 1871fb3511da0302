"""The row groups in memory: read ahead by threads, each once, and let go when no batch near needs them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Executor, Future

from genspark.readers.groups import Group, Groups


class Resident:
    """Row groups by number. `spare` are the bytes of groups that are kept though nothing near needs them."""

    def __init__(self, groups: Groups, pool: Executor | None, spare: int = 0) -> None:
        self._groups, self._pool, self._spare = groups, pool, spare
        self._held: dict[int, Future[Group]] = {}
        self._expected: frozenset[int] = frozenset()
        self._lock = threading.Lock()

    def expect(self, numbers: Iterable[int]) -> None:
        """Begin to read groups, where threads do that, and let go of all others that are not spared."""
        self._expected = frozenset(numbers)
        for number in sorted(self._expected) if self._pool else ():
            self._future(number)
        self._trim()

    def get(self, number: int) -> Group:
        """A group, as soon as it is read."""
        future = self._future(number)
        if self._pool is None and not future.done():
            future.set_result(self._groups.read(number))
        group = future.result()
        self._trim()
        return group

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            for future in self._held.values():
                future.cancel()
            self._held.clear()

    def _future(self, number: int) -> Future[Group]:
        with self._lock:
            future = self._held.pop(number, None)
            if future is None:
                future = self._pool.submit(self._groups.read, number) if self._pool else Future()
            # The last one used is the last to be let go.
            self._held[number] = future
            return future

    def _trim(self) -> None:
        """Let go of groups that are not expected, the longest unused first, until the spare bytes hold the others."""
        with self._lock:
            idle = [number for number, held in self._held.items() if number not in self._expected and held.done()]
            over = sum(_size(self._held[number]) for number in idle) - self._spare
            for number in idle:
                if over <= 0:
                    break
                over -= _size(self._held.pop(number))


def _size(future: Future[Group]) -> int:
    return 1 if future.exception() else 1 + future.result().bytes
