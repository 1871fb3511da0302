"""Comma-separated values as a source format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import polars as pl

from genspark.sources.format import Schema
from genspark.sources.formats.csv import reader
from genspark.sources.options import FILES, Options
from genspark.sources.records import Keep, RecordFormat
from genspark.sources.shard import Shard


class Csv(RecordFormat):
    """Comma-separated values, with a header and inferred types unless the options say otherwise."""

    name = "csv"
    options = Options(
        known=(
            *FILES,
            *("header", "inferSchema", "sep", "delimiter", "quote", "escape", "nullValue", "comment"),
            *("nanValue", "positiveInf", "negativeInf"),
            *("encoding", "charset", "mode", "multiLine", "enforceSchema"),
        ),
        # Quotes are doubled inside quotes, as RFC 4180 and every other tool has it; Spark's own default is a backslash.
        defaults={"header": "true", "inferSchema": "true", "escape": '"'},
        fixed={"mode": "permissive", "enforceSchema": "true"},
    )

    def infer(self, shards: Sequence[Shard], options: Mapping[str, str], keep: Keep | None) -> Schema:
        return reader.schema_of(shards, options, keep)

    def check(self, shards: Sequence[Shard], options: Mapping[str, str]) -> None:
        reader.check_headers(shards, options)

    def readings(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[Callable[[], pl.DataFrame]]:
        return reader.readings(shard, schema, options, needed)
