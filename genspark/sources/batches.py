"""Arrow's schemas and record batches converted to Polars, for the formats that PyArrow reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

ROWS = 1 << 16
"""The most rows that a frame has."""


def schema_of(schema: Any) -> pl.Schema:
    """Convert an Arrow schema to a Polars schema."""
    frame = pl.from_arrow(schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.schema


def frames_of(batches: Iterable[Any], schema: Mapping[str, pl.DataType]) -> Iterator[pl.DataFrame]:
    """Convert record batches to frames of at most `ROWS` rows, with the columns and types of the schema."""
    columns = [pl.col(name).cast(dtype) for name, dtype in schema.items()]
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            frame = pl.from_arrow(batch.slice(start, ROWS))
            assert isinstance(frame, pl.DataFrame)
            yield frame.select(columns)
