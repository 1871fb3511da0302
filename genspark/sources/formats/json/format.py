"""JSON lines as a source format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import polars as pl

from genspark.sources.format import Schema
from genspark.sources.formats.json import reader
from genspark.sources.options import FILES, Options
from genspark.sources.records import Keep, RecordFormat
from genspark.sources.shard import Shard


class Json(RecordFormat):
    """JSON lines: one object a line."""

    name = "json"
    options = Options(
        known=(*FILES, "mode", "multiLine", "primitivesAsString"),
        fixed={"mode": "permissive", "multiLine": "false"},
    )

    def infer(self, shards: Sequence[Shard], options: Mapping[str, str], keep: Keep | None) -> Schema:
        return reader.schema_of(shards, options, keep)

    def readings(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[Callable[[], pl.DataFrame]]:
        return reader.readings(shard, schema, needed)
