"""Pictures for networks: bytes decoded to RGB by Pillow, and resized by it; what does not decode is told."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.errors import DataError
from genspark.evaluate.features.extractor import Batch, Vectors
from genspark.evaluate.features.weights import package

Pixels = npt.NDArray[np.uint8]

REMEDY = "pip install 'genspark[images]'"


def decoded(content: bytes | None, mode: str = "RGB") -> Any:
    """A Pillow image. Raises ValueError with why it is none."""
    from PIL import Image, UnidentifiedImageError

    if content is None:
        raise ValueError("null")
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.convert(mode)
    except UnidentifiedImageError:
        raise ValueError(f"no image: {len(content)} bytes that begin with {content[:8]!r}") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error) or type(error).__name__) from None


def resized(image: Any, size: tuple[int, int] | None) -> Pixels:
    """The pixels of an image, (height, width, channels), resized to (height, width) with antialiasing."""
    from PIL import Image

    if size and (image.height, image.width) != size:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def by_batches(
    contents: pa.Array, batch: int, load: Callable[[bytes | None], Pixels], run: Callable[[Sequence[Pixels]], Vectors]
) -> Batch:
    """The vectors of images, `batch` at a time; zeros, with the reason, for those that `load` raises ValueError for."""
    if not (pa.types.is_binary(contents.type) or pa.types.is_large_binary(contents.type)):
        raise DataError(f"images are columns of encoded bytes, such as PNG, and this one holds {contents.type}")
    faults: list[str | None] = [None] * len(contents)
    found: list[tuple[list[int], Vectors]] = []
    for start in range(0, len(contents), batch):
        loaded: dict[int, Pixels] = {}
        for row, content in enumerate(contents[start : start + batch].to_pylist(), start):
            try:
                loaded[row] = load(content)
            except ValueError as error:
                faults[row] = str(error)
        if loaded:
            found.append((list(loaded), run(list(loaded.values()))))
    d = found[0][1].shape[1] if found else 0
    vectors = np.zeros((len(contents), d), found[0][1].dtype if found else np.float32)
    for rows, some in found:
        vectors[rows] = some
    return Batch(vectors, faults)


def require_pillow(kind: str) -> None:
    """Raise ConfigError where images cannot be decoded."""
    package("PIL", kind, REMEDY)
