"""ORC files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from genspark.engines.polars.meter import METER
from genspark.sources.batches import frames_of, schema_of
from genspark.sources.format import Schema, StreamedFormat
from genspark.sources.shard import Shard
from genspark.sources.typed import TypedFormat
from genspark.storage.stores import open_file


class Orc(TypedFormat, StreamedFormat):
    """ORC files, read stripe by stripe."""

    name = "orc"
    tells_bytes = True

    def raw_schema(self, path: str) -> pl.Schema:
        with open_file(path) as file:
            return schema_of(_reader(file).schema)

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        with open_file(shard.path) as file:
            reader = _reader(file)
            count = reader.nstripes
            stripes = ((reader.read_stripe(i), shard.size * (i + 1) // count) for i in range(count))
            yield from frames_of(METER.along(stripes), schema)


def _reader(file: Any) -> Any:
    import pyarrow.orc

    return pyarrow.orc.ORCFile(file)
