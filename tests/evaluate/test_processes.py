"""Work in several processes gives what one gives, and tells what went wrong."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from genspark import evaluate
from genspark.errors import DataError
from genspark.evaluate import parts, processes


def numbers(found: Iterator[Any], shift: int) -> list[tuple[int, int]]:
    return [(table + shift, os.getpid()) for table in found]


def broken(found: Iterator[Any], kind: type[Exception]) -> None:
    raise kind(f"table {next(found)}")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "usable_cores", lambda: 2)


def test_the_order_is_that_of_the_tables() -> None:
    made = [pair for pairs in processes.in_processes(functools.partial(numbers, shift=5), range(9)) for pair in pairs]
    assert [number for number, _ in made] == list(range(5, 14))
    assert os.getpid() not in {process for _, process in made}
    assert [pairs[0][1] for pairs in processes.in_processes(functools.partial(numbers, shift=0), [1])] == [os.getpid()]


@pytest.mark.parametrize(("kind", "raised"), [(DataError, DataError), (KeyError, RuntimeError)])
def test_what_a_process_raises_is_raised_here(kind: type[Exception], raised: type[Exception]) -> None:
    with pytest.raises(raised, match="table 0"):
        list(processes.in_processes(functools.partial(broken, kind=kind), range(5)))


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(RuntimeError, match="ended with exit code 3"):
        list(processes.in_processes(os_exit, range(5)))


def os_exit(found: Iterator[Any]) -> None:
    os._exit(3)


def test_bleu_of_many_segments_is_that_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pl.DataFrame({"h": ["a dog bit a man", "a man ran"] * 20, "r": ["the dog bit a man", "the man ran"] * 20})
    monkeypatch.setattr(parts, "ROWS", 7)
    several = evaluate.bleu(texts, hypothesis="h", references=["r"])
    monkeypatch.setattr(processes, "usable_cores", lambda: 1)
    assert several == evaluate.bleu(texts, hypothesis="h", references=["r"])


def test_a_script_without_a_guard_is_not_run_again(tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import polars as pl\nfrom genspark import evaluate\nfrom genspark.evaluate import parts, processes\n"
        "print('once')\nparts.ROWS = 2\nprocesses.usable_cores = lambda: 2\n"
        "frame = pl.DataFrame({'h': ['a dog'] * 6, 'r': ['a dog'] * 6})\n"
        "print(evaluate.chrf(frame, hypothesis='h', references=['r']).n)\n"
    )
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["once", "6"]
