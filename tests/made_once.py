"""Python environments of their own, which tests make once and keep beside Delta's jars."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from genspark.session.jars import cache_folder


def environment(name: str, wanted: bytes, make: Callable[[Path], None]) -> Path:
    """The folder of an environment; `make` makes it where there is none of this name for what is wanted."""
    folder = cache_folder() / "environments" / f"{name}-{hashlib.sha256(wanted).hexdigest()[:12]}"
    with alone(folder):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            (folder / "ready").touch()
    return folder


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The block in one process at a time: the runs of the tests on several sessions want the same environments."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
