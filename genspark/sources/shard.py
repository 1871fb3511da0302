"""The unit of reading: a file, or a part of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Shard:
    """A file, or some of its row groups.

    `path` is an absolute local path or a URI, `modified` milliseconds since 1970, `row_groups` a half-open
    range of a Parquet file's, and `constants` the columns whose value the file's folder or table tells.
    Shards of one `variant` hold the same types in the same order, before these are made alike. `copy` is an
    unpacked copy on the local disk of a compressed file.
    """

    path: str
    size: int
    modified: int
    row_groups: tuple[int, int] | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    variant: int = 0
    copy: str | None = None

    @property
    def bytes_at(self) -> str:
        """Where its bytes are read from: its copy, where there is one."""
        return self.copy or self.path
