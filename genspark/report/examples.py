"""Examples for the eye: images as small PNGs inside the page, and texts cut to a length that can be read."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import polars as pl

IMAGES, TEXTS, ROWS = 24, 6, 5
_SIDE, _CHARACTERS = 128, 600


def images(frame: pl.LazyFrame, column: str, count: int = IMAGES) -> dict[str, Any]:
    """The first images of a column: `shown`, as data URIs with their size, and how many bytes are `no_images`."""
    found = frame.select(column).filter(pl.col(column).is_not_null()).head(count).collect(engine="streaming")
    made = [_small(value) for value in found[column].to_list()]
    shown = [one for one in made if one]
    return {"shown": shown, "no_images": len(made) - len(shown)}


def texts(frame: pl.LazyFrame, column: str, count: int = TEXTS) -> list[str]:
    """The first texts of a column."""
    found = frame.select(column).filter(pl.col(column).is_not_null()).head(count).collect(engine="streaming")
    return [cut(str(value)) for value in found[column].to_list()]


def rows(frame: pl.LazyFrame, columns: Sequence[str], count: int = ROWS) -> list[list[str]]:
    """The first rows, without bytes and long lists."""
    found = frame.select(list(columns)).head(count).collect(engine="streaming")
    return [[_cell(value) for value in row] for row in found.iter_rows()]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else cut(str(value), 60)


def cut(text: str, most: int = _CHARACTERS) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _small(value: bytes) -> dict[str, str] | None:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return None
    try:
        with Image.open(io.BytesIO(value)) as opened:
            size = f"{opened.width} x {opened.height}"
            opened.thumbnail((_SIDE, _SIDE))
            written = io.BytesIO()
            opened.convert("RGB").save(written, "PNG", optimize=True)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    return {"uri": f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}", "size": size}
