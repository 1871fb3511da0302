"""The memory that this process may still use."""

from __future__ import annotations

import os
import re
from pathlib import Path

_GIB = 1024**3


def available_memory() -> int:
    """The bytes that this process may still use: free memory, or the container's limit where that is less."""
    limits = [_container_limit(path) for path in ("memory.max", "memory/memory.limit_in_bytes")]
    return min(limit for limit in [_free_memory(), *limits] if limit is not None)


def _free_memory() -> int:
    try:
        match = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    except OSError:
        match = None
    if match:
        return int(match[1]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return 4 * _GIB


def _container_limit(name: str) -> int | None:
    try:
        return int((Path("/sys/fs/cgroup") / name).read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such file, or "max"
        return None
