"""The unit of reading: a file, or a part of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Shard:
    """A file, or some of its row groups.

    `path` is an absolute local path or a URI, `size` is in bytes, `modified` in milliseconds since 1970. `row_groups`
    is a half-open range of the row groups of a Parquet file, None for the whole file. `constants` holds the columns
    whose values come from the file's folder or the table's log. Shards of one `variant` hold the same types in the
    same order, before these are made alike. `copy` is the path of a copy of the file on this machine, unpacked where
    that is compressed. `rows` are those of the whole file, where its footer or the table's log told them.
    """

    path: str
    size: int
    modified: int
    row_groups: tuple[int, int] | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    variant: int = 0
    copy: str | None = None
    rows: int | None = None

    @property
    def bytes_at(self) -> str:
        """The path that the bytes are read from: the copy, where there is one."""
        return self.copy or self.path

    @property
    def bytes_there(self) -> int:
        """The number of bytes at `bytes_at`."""
        return Path(self.copy).stat().st_size if self.copy else self.size


def bytes_of(shards: Iterable[Shard]) -> int:
    """The number of bytes that are read of these shards where each is read once."""
    return sum(shard.bytes_there for shard in shards)
