"""Run calls in threads, a few ahead of the consumer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import polars as pl

Result = TypeVar("Result")

MOST_THREADS = 8
"""With more, the results held at once grow, and the consumer is slower than the threads anyway."""


def thread_count() -> int:
    """The number of threads to read shards in: as many as Polars has, at most `MOST_THREADS`."""
    return min(pl.thread_pool_size(), MOST_THREADS)


def results(calls: Iterable[Callable[[], Result]]) -> Iterator[Result]:
    """The results of calls, in the order of the calls.

    `thread_count()` calls run at a time, and as many results wait at most; with one thread each call runs when its
    result is asked for. `calls` is iterated by the thread that asks.
    Raises what a call raises, when its turn comes.
    """
    threads = thread_count()
    if threads == 1:
        for call in calls:
            yield call()
        return
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="genspark-text")
    try:
        for call in calls:
            waiting.append(pool.submit(call))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
