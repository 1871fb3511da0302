"""What extractors share that run a network on images: how pixels become its input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.errors import DataError
from genspark.evaluate.features.columns import Size
from genspark.evaluate.features.extractor import EXTRACTOR, Batch, Extractor, Opened, Vectors, present
from genspark.evaluate.features.pictures import Pixels, by_batches, decoded, require_pillow, resized
from genspark.evaluate.features.weights import check_file, sha256_of

Input = npt.NDArray[np.float32]
Channels = Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]
Layout = Literal["NCHW", "NHWC"]


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class ImageNetwork(Extractor):
    """A network on images: (pixels / `divide` - `mean`) / `std`, by channel in the network's order of colours."""

    path: str = Field(min_length=1, description="The file of the network.")
    image: str = Field(default="image", description="The column of encoded images.")
    size: Size | None = Field(
        default=None, description="[height, width] that images are resized to; left out: what the network asks for."
    )
    divide: float = Field(default=255.0, gt=0, description="What pixels, 0 to 255, are divided by first.")
    mean: Channels = Field(default=(0.0,), description="What is then taken from each channel.")
    std: Channels = Field(default=(1.0,), description="What each channel is then divided by.")
    colours: Literal["RGB", "BGR"] = Field(default="RGB", description="The order of the channels.")
    output: str | None = Field(default=None, description="The output with the vectors; left out: the first.")

    beside: ClassVar[frozenset[str]] = frozenset({"path", "image"})
    batch: ClassVar[int] = 32

    def reads(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (present(columns, self.image, self.kind),)

    def check(self) -> None:
        require_pillow(self.kind)
        check_file(self.path, self.kind)

    @property
    def sha256(self) -> str | None:
        return sha256_of(self.path)

    @abstractmethod
    def network(self) -> tuple[Callable[[Input], Any], Layout, tuple[int, int] | None]:
        """What makes a batch's output of its input, the input's layout, and its height and width where they are set."""

    def open(self) -> Opened:
        called, layout, wanted = self.network()
        size = self.size or wanted
        as_input = self._as_input(layout)

        def run(images: Sequence[Pixels]) -> Vectors:
            return as_vectors(called(as_input(images)), len(images), self.kind)

        def vectors(arrays: Sequence[pa.Array]) -> Batch:
            return by_batches(arrays[0], self.batch, lambda content: resized(decoded(content), size), run)

        return vectors

    def _as_input(self, layout: Layout) -> Callable[[Sequence[Pixels]], Input]:
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)

        def made(images: Sequence[Pixels]) -> Input:
            if len({image.shape for image in images}) > 1:
                raise DataError(f"{self.kind}: images are of several sizes; give size: [height, width]")
            pixels = np.stack(images)
            ordered = pixels[..., ::-1] if self.colours == "BGR" else pixels
            # What becomes infinite here is told of the vectors.
            with np.errstate(all="ignore"):
                scaled = (ordered.astype(np.float32) / np.float32(self.divide) - mean) / std
            return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2) if layout == "NCHW" else scaled)

        return made


def as_vectors(output: Any, rows: int, kind: str) -> Vectors:
    """A network's output as (rows, d); what lies behind the first axis is flattened. Raises DataError for less."""
    found = np.asarray(output, dtype=np.float32)
    if found.ndim < 2 or found.shape[0] != rows:
        raise DataError(f"{kind}: of {rows} rows the network made an output of shape {list(found.shape)}; name another")
    return found.reshape(rows, -1)
