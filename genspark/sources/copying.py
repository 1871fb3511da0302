"""Files of a store copied to this machine, for a job that reads them several times."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from genspark.engines.polars.meter import METER
from genspark.sources.dataset import Dataset
from genspark.sources.format import UNREADABLE
from genspark.sources.shard import Shard
from genspark.storage.files import is_uri
from genspark.storage.memory import available_memory
from genspark.storage.scratch import free_bytes
from genspark.storage.stores import download

_AT_ONCE = 8


def pays(dataset: Dataset, scans: Sequence[Collection[str]]) -> bool:
    """Whether a store is asked for less where its files are copied, of which scans read these columns and a write all.

    The copies must find room in memory, where the system keeps files: a disk may be slower than a store. Nothing pays
    where the first file cannot be read, which whoever reads it tells.
    """
    remote = _remote(dataset.shards)
    if not (remote and dataset.format.is_copied) or sum(shard.size for shard in remote) > available_memory() // 2:
        return False
    try:
        sizes = dataset.format.column_sizes(remote[0])
    except UNREADABLE:
        return False
    again = sum(sizes.get(column, 0) for columns in scans for column in set(columns))
    return again > sum(sizes.values()) // 2


def copied(shards: Sequence[Shard], folder: str) -> list[Shard]:
    """The shards, each of a store with a copy of its file in the folder.

    One that cannot be copied has no copy, so that whoever reads it meets the error; nor has any where the copies would
    take more than half of the space that is free.
    """
    remote = _remote(shards)
    size = sum(shard.size for shard in remote)
    if size > free_bytes(Path(folder)) // 2:
        return list(shards)
    METER.begin(size=size)
    copies = {shard.path: f"{folder}/copied-{i:06d}.parquet" for i, shard in enumerate(remote)}
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        whole = list(threads.map(lambda shard: _copy(shard, copies[shard.path]), remote))
    done = {shard.path for shard, is_whole in zip(remote, whole, strict=True) if is_whole}
    return [dataclasses.replace(s, copy=copies[s.path]) if s.path in done else s for s in shards]


def _remote(shards: Sequence[Shard]) -> list[Shard]:
    return [s for s in shards if s.size and not s.row_groups and is_uri(s.path)]


def _copy(shard: Shard, copy: str) -> bool:
    """Whether the whole file was copied."""
    try:
        download(shard.path, copy)
    except UNREADABLE:
        return False
    METER.add(size=shard.size)
    return Path(copy).stat().st_size == shard.size
