"""What `find` found: shards, a schema, and what is needed to read them, small enough to be pickled."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from genspark.sources.cutting import cut
from genspark.sources.format import Format
from genspark.sources.keeping import Kept
from genspark.sources.shard import Shard


@dataclass(frozen=True)
class Dataset:
    """Shards of one format and one schema, which holds no hidden column.

    `passes` counts the passes over the data that finding the schema took, and `kept` has the rows of shards that
    were kept on the way.
    """

    format: Format
    shards: tuple[Shard, ...]
    schema: dict[str, pl.DataType]
    options: Mapping[str, str]
    description: Mapping[str, Any]
    passes: int = 0
    kept: Kept = field(default_factory=dict)

    @property
    def tells_corrupt(self) -> bool:
        """Whether records that cannot be read are kept in the column `CORRUPT`."""
        return self.format.tells_corrupt

    @property
    def file_schema(self) -> dict[str, pl.DataType]:
        """The columns that are read from the files, not told by their folders."""
        told = self.shards[0].constants if self.shards else {}
        return {name: dtype for name, dtype in self.schema.items() if name not in told}

    def with_shards(self, shards: Iterable[Shard]) -> Dataset:
        """The same, of these shards alone."""
        return dataclasses.replace(self, shards=tuple(shards))

    def split(self, bytes_a_task: int) -> list[tuple[Shard, ...]]:
        """Tasks of about so many bytes, in order: files of formats that allow it are cut between row groups."""
        return cut(self.shards, bytes_a_task, self.format)
