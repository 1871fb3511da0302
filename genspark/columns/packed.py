"""Frames as text, for JSON: base64 of Arrow's stream format, the same text for the same rows."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def packed(frame: pl.DataFrame) -> str:
    """The frame as text."""
    stream = io.BytesIO()
    frame.rechunk().write_ipc_stream(stream, compression="zstd")
    return base64.b64encode(stream.getvalue()).decode("ascii")


def unpacked(text: str) -> pl.DataFrame:
    """The frame that `packed` wrote."""
    import polars as pl

    return pl.read_ipc_stream(io.BytesIO(base64.b64decode(text)))
