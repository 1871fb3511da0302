"""Work on tables in several processes of this machine, for work that is Python's and so has one core in a process.

The processes are programs of their own, this module, that get pickled work and tables by pipes. They import nothing of
the caller's program, which therefore needs no guard against being run again.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, TypeVar

from genspark.errors import GensparkError
from genspark.session.jvm import usable_cores

Result = TypeVar("Result")

_LENGTH = struct.Struct("<Q")


def in_processes(work: Callable[[Iterator[Any]], Result], tables: Iterable[Any]) -> Iterator[Result]:
    """What `work` makes of some tables, and of some more, in order: in processes where there are two tables or more.

    Raises what the work raises where it is a GensparkError, and RuntimeError for what else ends it.
    """
    left = iter(tables)
    first = list(itertools.islice(left, 2))
    cores = usable_cores()
    if len(first) < 2 or cores < 2:
        yield work(itertools.chain(first, left))
        return
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_Worker(work)) for _ in range(cores)]
        pool = stack.enter_context(ThreadPoolExecutor(cores))
        free: collections.deque[_Worker] = collections.deque(workers)

        def made(table: Any) -> Any:
            # There are as many threads as workers, so that one is free.
            worker = free.popleft()
            try:
                return worker.of(table)
            finally:
                free.append(worker)

        waiting: collections.deque[Future[Any]] = collections.deque()
        for table in itertools.chain(first, left):
            waiting.append(pool.submit(made, table))
            if len(waiting) > cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Worker:
    """A process that does one kind of work."""

    def __init__(self, work: Callable[..., Any]) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
        command = [sys.executable, "-c", "from genspark.evaluate.processes import serve; serve()"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)  # noqa: S603 - ourselves
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        self._lock = threading.Lock()
        _send(self._stdin, work)

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        # A worker that is idle ends when nothing more can come; one at work, when an error ends the whole.
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()

    def of(self, table: Any) -> Any:
        """What the work makes of a table."""
        with self._lock:
            try:
                _send(self._stdin, table)
                is_made, result = _received(self._stdout)
            except (EOFError, OSError):
                code = self._process.wait()
                raise RuntimeError(f"a process that scored ended with exit code {code}; see its last words") from None
        if is_made:
            return result
        raise result if isinstance(result, GensparkError) else RuntimeError(result)


def serve() -> None:
    """Do the work that comes by standard input on the tables that follow, until it ends."""
    given, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What prints, prints elsewhere.
    os.dup2(2, 1)
    work = _received(given)
    while True:
        try:
            table = _received(given)
        except EOFError:
            return
        try:
            answer = (True, work(iter([table])))
        except GensparkError as error:
            answer = (False, error)
        except Exception as error:
            answer = (False, f"{type(error).__name__}: {error}")
        _send(answers, answer)


def _send(stream: IO[bytes], value: Any) -> None:
    content = pickle.dumps(value, protocol=5)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def _received(stream: IO[bytes]) -> Any:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    return pickle.loads(stream.read(_LENGTH.unpack(head)[0]))  # noqa: S301 - our own pipe
