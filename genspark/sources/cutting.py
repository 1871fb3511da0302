"""Shards cut and grouped into tasks of about the same number of bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from genspark.sources.formats.parquet import footer
from genspark.sources.shard import Shard


def cut(shards: Sequence[Shard], bytes_a_task: int, *, by_row_group: bool) -> list[tuple[Shard, ...]]:
    """Groups of neighbours whose sizes reach the target; a larger shard stands alone or is cut."""
    tasks: list[tuple[Shard, ...]] = []
    group: list[Shard] = []
    size = 0
    for shard in (part for whole in shards for part in _parts(whole, bytes_a_task, by_row_group=by_row_group)):
        if group and size + shard.size > bytes_a_task:
            tasks.append(tuple(group))
            group, size = [], 0
        group.append(shard)
        size += shard.size
    return [*tasks, tuple(group)] if group else tasks


def _parts(shard: Shard, bytes_a_task: int, *, by_row_group: bool) -> Iterator[Shard]:
    if not by_row_group or shard.size <= bytes_a_task:
        yield shard
        return
    metadata = footer(shard.path)
    first, last = shard.row_groups or (0, metadata.num_row_groups)
    total = sum(metadata.row_group(i).total_byte_size for i in range(first, last)) or 1
    start, size = first, 0
    for i in range(first, last):
        # In bytes of the file: a footer tells sizes before compression.
        own = metadata.row_group(i).total_byte_size * shard.size // total
        if i > start and size + own > bytes_a_task:
            yield dataclasses.replace(shard, row_groups=(start, i), size=size)
            start, size = i, 0
        size += own
    if start == first:
        yield shard
    else:
        yield dataclasses.replace(shard, row_groups=(start, last), size=size)
