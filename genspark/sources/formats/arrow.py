"""Arrow files and streams, also called Feather 2 and IPC."""

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

_MAGIC = b"ARROW1"


class Arrow(TypedFormat, StreamedFormat):
    """Arrow files and streams, read batch by batch. Spark has no reader for them."""

    name = "arrow"
    is_on_spark = False
    tells_bytes = True

    def raw_schema(self, path: str) -> pl.Schema:
        with open_file(path) as file:
            return schema_of(_reader(file).schema)

    def frames(
        self, shard: Shard, schema: Schema, options: Mapping[str, str], needed: frozenset[str] | None
    ) -> Iterator[pl.DataFrame]:
        with open_file(shard.path) as file:
            yield from frames_of(METER.along(_batches(_reader(file), file, shard.size)), schema)


def _reader(file: Any) -> Any:
    import pyarrow as pa

    is_file = file.read(len(_MAGIC)) == _MAGIC
    file.seek(0)
    return pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)


def _batches(reader: Any, file: Any, size: int) -> Iterator[tuple[Any, int]]:
    """The batches, each with the bytes of the file up to its end."""
    if not hasattr(reader, "num_record_batches"):
        yield from ((batch, file.tell()) for batch in reader)
        return
    for i in range(reader.num_record_batches):
        yield reader.get_batch(i), size * (i + 1) // reader.num_record_batches
