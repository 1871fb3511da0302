"""Extractors without weights: vectors that are there, columns of numbers side by side, and pixels."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.kernels import matrix as side_by_side
from genspark.errors import ConfigError, DataError
from genspark.evaluate.features.extractor import EXTRACTOR, Batch, Extractor, Opened, Vectors, present
from genspark.evaluate.features.pictures import Pixels as Image
from genspark.evaluate.features.pictures import by_batches, decoded, require_pillow, resized
from genspark.evaluate.vectors import matrix
from genspark.steps.matching import Columns as Patterns

Size = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], Field()]
"""Height and width."""


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class Given(Extractor):
    """Takes the vectors of a column as they are: embeddings that were made elsewhere. `by` says by what, for scores."""

    column: str = Field(default="features", description="The column of lists of numbers.")
    by: str = Field(default="given", min_length=1, description="What made the vectors, for signatures.")

    kind: ClassVar[str] = "given"
    dtype: ClassVar[pa.DataType] = pa.float64()
    beside: ClassVar[frozenset[str]] = frozenset({"column"})

    def reads(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (present(columns, self.column, self.kind),)

    def open(self) -> Opened:
        return self._vectors

    def _vectors(self, arrays: Sequence[pa.Array]) -> Batch:
        return Batch(matrix(pa.table({self.column: arrays[0]}), self.column), [None] * len(arrays[0]))


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class Columns(Extractor):
    """Sets columns of numbers side by side, those of a pattern in the order of their names.

    Rows with a null or NaN in one of them have no vector.
    """

    columns: Patterns

    kind: ClassVar[str] = "columns"
    dtype: ClassVar[pa.DataType] = pa.float64()

    def reads(self, columns: Sequence[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for pattern in self.columns:
            hits = [name for name in columns if name == pattern or fnmatch.fnmatchcase(name, pattern)]
            if not hits:
                raise ConfigError(f"columns: {pattern!r} matches no column; there are {', '.join(columns[:12])}")
            # Not in the frame's order: real and generated rows may have another.
            found |= dict.fromkeys(sorted(hits))
        return tuple(found)

    def open(self) -> Opened:
        return _numbers


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class Pixels(Extractor):
    """Flattens the pixels of images, 0 to 255, of one size or resized to it: enough for small images."""

    image: str = Field(default="image", description="The column of encoded images.")
    size: Size | None = Field(default=None, description="[height, width] to resize to; left out: all are of one size.")
    mode: Literal["RGB", "L"] = Field(default="RGB", description="RGB, or L: one channel of grey.")

    kind: ClassVar[str] = "pixels"
    beside: ClassVar[frozenset[str]] = frozenset({"image"})

    def reads(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (present(columns, self.image, self.kind),)

    def check(self) -> None:
        require_pillow(self.kind)

    def open(self) -> Opened:
        return self._vectors

    def _vectors(self, arrays: Sequence[pa.Array]) -> Batch:
        return by_batches(arrays[0], self.batch, lambda content: resized(decoded(content, self.mode), self.size), _flat)


def _numbers(arrays: Sequence[pa.Array]) -> Batch:
    for array in arrays:
        if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type)):
            raise DataError(f"columns: one of them holds {array.type}, and vectors are of numbers; name others")
    rows = side_by_side(arrays)
    missing = np.asarray(np.isnan(rows).any(axis=1))
    rows[missing] = 0.0
    return Batch(rows, [f"a null or NaN in one of {len(arrays)} columns" if one else None for one in missing.tolist()])


def _flat(images: Sequence[Image]) -> Vectors:
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        sizes = " and ".join(f"{h} x {w}" for h, w, _ in sorted(shapes)[:2])
        raise DataError(f"pixels: images are of {len(shapes)} sizes, such as {sizes}; give size: [height, width]")
    return np.stack(images).reshape(len(images), -1).astype(np.float32)
