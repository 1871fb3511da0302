"""Compressed shards unpacked once, for a source whose types are inferred before its rows are read."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from genspark.sources.codecs import is_compressed, open_unpacked
from genspark.sources.parsing.ahead import thread_count
from genspark.sources.shard import Shard
from genspark.storage.scratch import free_bytes

_CHUNK = 4 << 20


def unpacked(shards: Sequence[Shard], folder: str) -> list[Shard]:
    """The shards, each that is compressed with a copy of its bytes in the folder.

    A shard that cannot be unpacked has no copy, so that whoever reads it meets the error; nor has any where the
    copies would take more than half of the space that is free.
    """
    room = free_bytes(Path(folder)) // 2
    copies = {s.path: f"{folder}/unpacked-{i:06d}" for i, s in enumerate(shards) if s.size and is_compressed(s.path)}
    taken: list[int] = []
    with ThreadPoolExecutor(thread_count()) as threads:
        whole = list(threads.map(lambda path: _unpack(path, copies[path], room, taken), copies))
    if sum(taken) > room:
        for copy in copies.values():
            Path(copy).unlink(missing_ok=True)
        return list(shards)
    done = {path for path, is_whole in zip(copies, whole, strict=True) if is_whole}
    return [dataclasses.replace(s, copy=copies[s.path]) if s.path in done else s for s in shards]


def without_copies(shards: Sequence[Shard]) -> tuple[Shard, ...]:
    """The shards after their copies have been deleted."""
    for shard in shards:
        if shard.copy:
            Path(shard.copy).unlink(missing_ok=True)
    return tuple(dataclasses.replace(shard, copy=None) for shard in shards)


def _unpack(path: str, copy: str, room: int, taken: list[int]) -> bool:
    """Whether a file could be unpacked to its end; `taken` has the bytes of every chunk that was written so far."""
    try:
        with open_unpacked(path) as stream, Path(copy).open("wb") as out:
            while chunk := stream.read(_CHUNK):
                out.write(chunk)
                taken.append(len(chunk))
                if sum(taken) > room:
                    return False
    except OSError as error:
        Path(copy).unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            taken.append(room)
        return False
    return True
