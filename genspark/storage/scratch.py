"""Scratch folders on the local disk that do not outlive their process, however it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks: there a killed process leaves its folder to the system's own clean-up.
    fcntl = None  # type: ignore[assignment]

PREFIX = "genspark-scratch-"


@contextlib.contextmanager
def scratch_folder(parent: str | None = None) -> Iterator[Path]:
    """An empty folder below `parent` (the system's temporary folder if left out), removed when the block ends.

    Folders of processes that were killed are removed first. Which those are, a lock tells that the system
    takes away from a process however it ends. Raises OSError where the folder cannot be made.
    """
    home = Path(parent or tempfile.gettempdir())
    home.mkdir(parents=True, exist_ok=True)
    sweep(home)
    lock, descriptor = _locked(home)
    folder = lock.with_suffix("")
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def sweep(home: Path) -> int:
    """Remove the scratch folders in a folder whose processes are gone, and return their number."""
    gone = 0
    for lock in list(home.glob(f"{PREFIX}*.lock")) if fcntl else ():
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Somebody's, who is alive.
            continue
        else:
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
            gone += 1
        finally:
            os.close(descriptor)
    return gone


def free_bytes(folder: Path) -> int:
    """The free bytes on the disk of a folder."""
    return shutil.disk_usage(folder).free


def _locked(home: Path) -> tuple[Path, int]:
    """Make a lock file of a unique name; return it and the descriptor that holds its lock."""
    while True:
        lock = home / f"{PREFIX}{uuid.uuid4().hex[:12]}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if fcntl is None:
            return lock, descriptor
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # A sweep may have come between the two calls, and taken the file away.
        if lock.exists():
            return lock, descriptor
        os.close(descriptor)
