"""Whether Spark's tasks share the reading of compressed text, which most codecs keep in one piece."""

from __future__ import annotations

import math
from collections.abc import Iterable

from genspark.sources.codecs import SPLITTABLE, is_compressed, suffix_of
from genspark.storage.sizes import size_text

SMALLEST = 64 << 20
"""Bytes of a file from which it matters who reads it."""
_SHARE = 128 << 20


def unshared(files: Iterable[tuple[str, int]], slots: int) -> str | None:
    """A warning for the largest of the files (path, bytes) that one task reads whole while others have nothing to do.

    None where the files are many enough, or small.
    """
    sizes = dict(files)
    packed = {path: size for path, size in sizes.items() if is_compressed(path) and suffix_of(path) not in SPLITTABLE}
    path = max(packed, key=lambda each: packed[each], default=None)
    if path is None or slots < 2 or packed[path] < SMALLEST or packed[path] * slots < 2 * sum(sizes.values()):
        return None
    parts = max(slots, math.ceil(packed[path] / _SHARE))
    return (
        f"source.path: {path} has {size_text(packed[path])} in one piece, since {suffix_of(path)} cannot be split: one "
        f"task reads it while the others wait; write it as {parts} files or more, or as .bz2, which engine spark splits"
    )
