"""The shards of a source with their schema and all that is needed to read them, small enough to be pickled."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from genspark.sources.cutting import cut
from genspark.sources.format import Format
from genspark.sources.keeping import Kept
from genspark.sources.shard import Shard, bytes_of

_NUMBERS = 1 << 32
"""Rows of one scan that Polars has numbers for."""


@dataclass(frozen=True)
class Dataset:
    """Shards of one format and one schema, which has neither `CORRUPT` nor `FILE`.

    `description` is what the model and the commit record about the source, `passes` the number of passes over the data
    that finding the schema took, and `kept` the rows of shards that were kept on the way.
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
        """Whether the format keeps the text of records that cannot be read in the column `CORRUPT`."""
        return self.format.tells_corrupt

    @property
    def rows(self) -> int | None:
        """The number of rows, where it is known without a look at a file and Polars can number so many."""
        rows = self.format.rows(self.shards)
        return rows if rows is not None and rows < _NUMBERS else None

    @property
    def bytes_told(self) -> int | None:
        """The bytes of the files, where `METER` hears of them as they are read."""
        return bytes_of(self.shards) if self.format.tells_bytes else None

    @property
    def file_schema(self) -> dict[str, pl.DataType]:
        """The columns that are read from the files; the others come from their folders."""
        constants = self.shards[0].constants if self.shards else {}
        return {name: dtype for name, dtype in self.schema.items() if name not in constants}

    def with_shards(self, shards: Iterable[Shard]) -> Dataset:
        """Return the same dataset with these shards only."""
        return dataclasses.replace(self, shards=tuple(shards))

    def split(self, bytes_a_task: int) -> list[tuple[Shard, ...]]:
        """Group the shards into tasks of at most `bytes_a_task` bytes, in order; see `cut`."""
        return cut(self.shards, bytes_a_task, self.format)
