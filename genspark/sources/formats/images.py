"""Image files as rows: path, label, width, height and the encoded bytes."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator

import polars as pl

from genspark.engines.fate import CORRUPT
from genspark.errors import SourceError
from genspark.sources.shard import Shard
from genspark.storage.stores import open_file

SCHEMA: dict[str, pl.DataType] = {
    "path": pl.String(),
    "label": pl.String(),
    "width": pl.Int32(),
    "height": pl.Int32(),
    "image": pl.Binary(),
}
BYTES = 16 << 20


def require_pillow() -> None:
    """Raises SourceError where Pillow is not installed."""
    if importlib.util.find_spec("PIL") is None:
        raise SourceError("source.format: images needs Pillow: pip install 'genspark[images]'")


def frames(shards: tuple[Shard, ...], root: str | None) -> Iterator[pl.DataFrame]:
    """A row for each shard, in pieces of a bounded number of bytes."""
    rows: list[tuple[object, ...]] = []
    size = 0
    for shard in shards:
        with open_file(shard.path) as file:
            content = bytes(file.read())
        rows.append((*_names(shard.path, root), *_described(content)))
        size += len(content)
        if size > BYTES:
            yield _frame(rows)
            rows, size = [], 0
    if rows:
        yield _frame(rows)


def _frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={**SCHEMA, CORRUPT: pl.String()}, orient="row")


def _names(path: str, root: str | None) -> tuple[str, str]:
    whole = path if "://" in path else f"file:{path}"
    return (whole.split(root, 1)[-1] if root else whole), whole.rsplit("/", 2)[-2]


def _described(content: bytes) -> tuple[int | None, int | None, bytes, str | None]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            return (*image.size, content, None)
    # Pillow's plugins raise whatever they meet in a damaged header.
    except Exception as error:
        return None, None, content, f"not an image that can be read: {type(error).__name__}"
