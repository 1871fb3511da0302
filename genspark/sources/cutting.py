"""Cut and group shards into tasks of about the same number of bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genspark.sources.format import Format
from genspark.sources.shard import Shard


def cut(shards: Sequence[Shard], bytes_a_task: int, form: Format) -> list[tuple[Shard, ...]]:
    """Group neighbouring shards into tasks of at most `bytes_a_task` bytes, in order.

    A larger shard is cut where its format allows it (see `Format.parts`); a part that is still larger is a task alone.
    """
    tasks: list[tuple[Shard, ...]] = []
    group: list[Shard] = []
    size = 0
    for shard in (part for whole in shards for part in _parts(whole, bytes_a_task, form)):
        if group and size + shard.size > bytes_a_task:
            tasks.append(tuple(group))
            group, size = [], 0
        group.append(shard)
        size += shard.size
    return [*tasks, tuple(group)] if group else tasks


def _parts(shard: Shard, bytes_a_task: int, form: Format) -> Iterator[Shard]:
    return form.parts(shard, bytes_a_task) if shard.size > bytes_a_task else iter((shard,))
