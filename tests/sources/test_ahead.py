"""Calls that run ahead of who reads their results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import polars as pl
import pytest

from genspark.sources.parsing import ahead


def slow_square(n: int) -> int:
    time.sleep(0.02 if n % 3 == 0 else 0)
    return n * n


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_results_come_in_the_order_of_the_calls(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    assert list(ahead.results(partial(slow_square, n) for n in range(20))) == [n * n for n in range(20)]


def test_few_calls_are_made_ahead_and_none_after_the_reader_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    asked = []

    def calls() -> Iterator[Callable[[], int]]:
        for n in range(100):
            asked.append(n)
            yield partial(slow_square, n)

    found = ahead.results(calls())
    assert [next(found), next(found)] == [0, 1]
    found.close()  # type: ignore[attr-defined]
    assert asked == [0, 1, 2, 3]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("genspark-text")]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_call_raises_comes_in_its_turn(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    found = ahead.results(partial(divmod, 6, n) for n in (3, 2, 0, 1))
    assert [next(found), next(found)] == [(2, 0), (3, 0)]
    with pytest.raises(ZeroDivisionError):
        next(found)
