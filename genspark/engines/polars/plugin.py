"""Lazy frames over a generator of frames, which read no more than a query needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import polars as pl
from polars.io.plugins import register_io_source

Frames = Callable[[frozenset[str] | None], Iterator[pl.DataFrame]]
"""Called with the columns needed, None for all; each frame has at least these."""


def lazy(frames: Frames, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """A lazy frame of the schema. The frames are made one at a time, by the thread that reads them."""

    def generate(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size  # the pieces are bounded already
        left = n_rows
        wanted = with_columns if with_columns is not None else list(schema)
        if left == 0:
            return
        for frame in frames(None if with_columns is None else frozenset(with_columns)):
            piece = frame.select(wanted)
            if left is not None:
                piece = piece.head(left)
                left -= piece.height
            yield piece if predicate is None else piece.filter(predicate)
            if left == 0:
                return

    return register_io_source(generate, schema=dict(schema), is_pure=True)
