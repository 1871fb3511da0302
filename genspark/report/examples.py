"""Examples for the eye: images as small PNGs inside the page, and texts cut to a length that can be read."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.errors import DataError
from genspark.evaluate.vectors import matrix

IMAGES, TEXTS, ROWS = 24, 6, 5
FEW, NEIGHBOURS = 8, 3
_SIDE, _CHARACTERS = 128, 600


def images(frame: pl.LazyFrame, column: str, count: int = IMAGES) -> dict[str, Any]:
    """The first images of a column: `shown`, as data URIs with their size, and how many bytes are `no_images`."""
    found = frame.select(column).filter(pl.col(column).is_not_null()).head(count).collect(engine="streaming")
    return _shown(found[column].to_list(), [""] * found.height)


def ranked(frame: pl.LazyFrame, column: str, by: str, count: int = FEW) -> dict[str, dict[str, Any]]:
    """The images of the rows with the `highest` and the `lowest` numbers in another column, with these."""
    there = frame.select(column, by).filter(pl.col(column).is_not_null() & pl.col(by).is_not_null())
    if there.collect_schema()[by].is_float():
        there = there.filter(pl.col(by).is_finite())
    asked = (there.top_k(count, by=by).sort(by, descending=True), there.bottom_k(count, by=by).sort(by))
    some = [each.collect(engine="streaming") for each in asked]
    told = [[f"{by} {value:.6g}" for value in one[by].cast(pl.Float64)] for one in some]
    return {
        f"{name} {by}": _shown(one[column].to_list(), notes)
        for name, one, notes in zip(("highest", "lowest"), some, told, strict=True)
    }


def nearest(
    frame: pl.LazyFrame, other: pl.LazyFrame, column: str, features: str, count: int = FEW
) -> list[dict[str, Any]]:
    """The first images of a frame, each with those of another frame whose vectors are nearest to its own."""
    there = pl.col(column).is_not_null() & pl.col(features).is_not_null()
    first = frame.select(column, features).filter(there).head(count).collect(engine="streaming")
    if not first.height:
        return []
    vectors = _vectors(first[features])
    best: list[list[tuple[float, bytes]]] = [[] for _ in vectors]
    for batch in other.select(column, features).filter(there).collect_batches(engine="streaming", maintain_order=True):
        others = _vectors(batch[features])
        if not len(others):
            continue
        if others.shape[1] != vectors.shape[1]:
            raise DataError(
                f"vectors in column {features!r} of the two tables have {vectors.shape[1]} and {others.shape[1]} "
                "numbers; one extractor makes both"
            )
        for place, vector in enumerate(vectors):
            apart = np.sqrt(((others - vector) ** 2).sum(axis=1))
            nearer = [(float(apart[i]), batch[column][int(i)]) for i in np.argsort(apart, kind="stable")[:NEIGHBOURS]]
            best[place] = sorted([*best[place], *nearer], key=lambda pair: pair[0])[:NEIGHBOURS]
    return [
        {
            "of": _shown([image], [""]),
            "nearest": _shown([value for _, value in own], [f"distance {apart:.4g}" for apart, _ in own]),
        }
        for image, own in zip(first[column].to_list(), best, strict=True)
    ]


def _vectors(values: pl.Series) -> npt.NDArray[np.float64]:
    return matrix(values.to_frame().to_arrow(), values.name)


def _shown(values: Sequence[bytes], notes: Sequence[str]) -> dict[str, Any]:
    made = [(_small(value), note) for value, note in zip(values, notes, strict=True)]
    shown = [{**one, "note": note} for one, note in made if one]
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
