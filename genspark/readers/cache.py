"""A bounded cache on the local disk for what is read of remote files, shared by the processes of a machine.

What is kept are the ranges that are read: the next epoch, which reads the same ones, reads none from afar. An epoch
reads each range once: what was used last is used last again. So a full cache takes nothing in, and lets nothing go but
what was not used since the reading began.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows has no such locks: there each process is to have a folder of its own.
    fcntl = None  # type: ignore[assignment]

SIZE = 10 << 30
LOCK = "lock"
HOUR = 3600


@dataclass
class DiskCache:
    """Ranges of files in a folder, of at most `size` bytes in all; a range that does not fit is not kept."""

    folder: Path
    size: int = SIZE
    since: float = field(default_factory=time.time)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _room: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, path: str, start: int, length: int, fetch: Callable[[], bytes]) -> bytes:
        """A range of a file, from the disk or by `fetch`."""
        kept = self.folder / f"{hashlib.sha256(f'{path} {start} {length}'.encode()).hexdigest()[:40]}.range"
        try:
            content = kept.read_bytes()
            if len(content) == length:
                os.utime(kept)
                return content
        except OSError:
            pass
        content = fetch()
        # Without space on the disk the reading goes on as without a cache.
        with contextlib.suppress(OSError):
            self._put(kept, content)
        return content

    def used(self) -> int:
        """The bytes of all ranges."""
        return sum(size for _, size, _ in self._ranges())

    def _put(self, kept: Path, content: bytes) -> None:
        if len(content) > self.size:
            return
        with self._locked():
            if not self._has_room(len(content)):
                return
            draft = kept.with_suffix(f".{uuid.uuid4().hex}")
            try:
                draft.write_bytes(content)
                draft.replace(kept)
                self._room -= len(content)
            finally:
                draft.unlink(missing_ok=True)

    def _has_room(self, length: int) -> bool:
        """Whether a range fits, after what was not used of late has been let go.

        The folder is looked through after every thousandth of its size: other processes write there, too.
        """
        if self._room < length:
            ranges = sorted(self._ranges())
            free = self.size - sum(size for _, size, _ in ranges)
            for used, size, path in ranges:
                if free >= length or used >= self.since:
                    break
                path.unlink(missing_ok=True)
                free += size
            self._room = min(free, max(length, self.size // 1000)) if free >= length else 0
        return self._room >= length

    def _ranges(self) -> Iterator[tuple[float, int, Path]]:
        """(when it was used last, bytes, path) of each range. Drafts that a killed process left are deleted."""
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat()
                    if entry.name.endswith(".range"):
                        yield status.st_mtime, status.st_size, Path(entry.path)
                    elif entry.name != LOCK and status.st_mtime < time.time() - HOUR:
                        os.unlink(entry.path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock, (self.folder / LOCK).open("w") as lock:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class CachedFile(io.RawIOBase):
    """A file of known size whose ranges come from a cache, and is opened only for those that do not."""

    def __init__(self, cache: DiskCache, path: str, size: int, opener: Callable[[str], Any]) -> None:
        super().__init__()
        self._cache, self._path, self._size, self._opener = cache, path, size, opener
        self._file: Any = None
        self._at = 0
        self.fetched = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        start = self._at
        length = max(0, self._size - start if size < 0 else min(size, self._size - start))
        content = self._cache.get(self._path, start, length, lambda: self._fetch(start, length)) if length else b""
        self._at = start + length
        return content

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()

    def _fetch(self, start: int, length: int) -> bytes:
        if self._file is None:
            self._file = self._opener(self._path)
        self.fetched += length
        return bytes(self._file.read_at(length, start))
