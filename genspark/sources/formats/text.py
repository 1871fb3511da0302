"""Text files, a row a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from genspark.sources.format import Found, Schema, StreamedFormat
from genspark.sources.parsing.blocks import blocks, lines
from genspark.sources.shard import Shard


class Text(StreamedFormat):
    """Text files, with each line in the column `value`."""

    name = "text"
    is_parsed = True
    unpacks = True
    tells_bytes = True

    def schema(
        self, shards: Sequence[Shard], options: Mapping[str, str], given: Schema | None, constants: Schema
    ) -> Found:
        return Found({"value": pl.String()})

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        for block in blocks(shard.path):
            yield lines(block).alias("value").to_frame()
