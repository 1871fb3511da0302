"""Shards that are read in batches: Arrow's files and streams, ORC, and lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from genspark.sources.parsing.blocks import blocks, lines
from genspark.sources.shard import Shard
from genspark.storage.stores import open_file

ROWS = 1 << 16
_MAGIC = b"ARROW1"


def raw_schema(kind: str, path: str) -> pl.Schema:
    """The columns as an Arrow or ORC file has them. Raises OSError or an Arrow error."""
    with open_file(path) as file:
        schema = _orc(file).schema if kind == "orc" else _arrow(file).schema
        frame = pl.from_arrow(schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.schema


def frames(kind: str, shard: Shard, schema: Mapping[str, pl.DataType]) -> Iterator[pl.DataFrame]:
    """The rows of a shard in pieces, with the types of the schema."""
    if kind == "text":
        for block in blocks(shard.path):
            yield lines(block).alias("value").to_frame()
        return
    columns = [pl.col(name).cast(dtype) for name, dtype in schema.items()]
    with open_file(shard.path) as file:
        for batch in _orc_batches(file) if kind == "orc" else _arrow_batches(file):
            for start in range(0, batch.num_rows, ROWS):
                frame = pl.from_arrow(batch.slice(start, ROWS))
                assert isinstance(frame, pl.DataFrame)
                yield frame.select(columns)


def _arrow(file: Any) -> Any:
    import pyarrow as pa

    is_file = file.read(len(_MAGIC)) == _MAGIC
    file.seek(0)
    return pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)


def _arrow_batches(file: Any) -> Iterator[Any]:
    reader = _arrow(file)
    if hasattr(reader, "num_record_batches"):
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)
    else:
        yield from reader


def _orc(file: Any) -> Any:
    import pyarrow.orc

    return pyarrow.orc.ORCFile(file)


def _orc_batches(file: Any) -> Iterator[Any]:
    reader = _orc(file)
    for i in range(reader.nstripes):
        yield reader.read_stripe(i)
