"""Features by the Inception-v3 of FID: its published weights, and the resize of TensorFlow 1 that they were used with.

Source of the resize: TensorFlow 1.x, `tf.image.resize_bilinear` with `align_corners=False`, whose sample of output row
i is input row i * height / 299, not the middle of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.errors import ConfigError, first_line
from genspark.evaluate.features.extractor import EXTRACTOR, Batch, Extractor, Opened, Vectors, present
from genspark.evaluate.features.network import as_vectors
from genspark.evaluate.features.pictures import Pixels, by_batches, decoded, require_pillow
from genspark.evaluate.features.torch_module import REMEDY
from genspark.evaluate.features.weights import Published, check_file, package, sha256_of

PUBLISHED = Published(
    "pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
SIDE = 299

Values = npt.NDArray[np.float32]


@dataclass(frozen=True, config=EXTRACTOR, kw_only=True)
class Inception(Extractor):
    """The Inception-v3 of FID, by the published file of its weights: 2,048 pooled features, or the logits.

    The logits are those that the Inception Score is computed from, of 1,008 classes, without the last layer's bias.
    """

    path: str = Field(min_length=1, description=f"The file of weights: {PUBLISHED}.")
    image: str = Field(default="image", description="The column of encoded images.")
    output: Literal["pool", "logits"] = Field(default="pool", description="The 2,048 features, or the 1,008 logits.")

    kind: ClassVar[str] = "inception"
    beside: ClassVar[frozenset[str]] = frozenset({"path", "image"})
    batch: ClassVar[int] = 32

    def reads(self, columns: Sequence[str]) -> tuple[str, ...]:
        return (present(columns, self.image, self.kind),)

    def check(self) -> None:
        require_pillow(self.kind)
        check_file(self.path, self.kind, PUBLISHED)
        package("torch", self.kind, REMEDY)

    @property
    def sha256(self) -> str | None:
        return sha256_of(self.path)

    def open(self) -> Opened:
        torch = package("torch", self.kind, REMEDY)
        from genspark.evaluate.features.inception_network import network

        file = check_file(self.path, self.kind, PUBLISHED)
        try:
            made = network(torch.load(str(file), map_location="cpu", weights_only=True))
        except Exception as error:
            why = first_line(error)
            raise ConfigError(f"{self.kind}.path: {self.path} does not hold its weights ({why}): {PUBLISHED}") from None

        def run(images: Sequence[Pixels]) -> Vectors:
            batch = np.stack([as_tensorflow_resizes(image, SIDE) for image in images])
            with torch.inference_mode():
                pool, logits = made((torch.from_numpy(batch).permute(0, 3, 1, 2) - 128) / 128)
            return as_vectors((pool if self.output == "pool" else logits).numpy(), len(images), self.kind)

        def vectors(arrays: Sequence[pa.Array]) -> Batch:
            return by_batches(arrays[0], self.batch, lambda content: np.asarray(decoded(content)), run)

        return vectors


def as_tensorflow_resizes(image: Pixels, side: int) -> Values:
    """An image, (height, width, channels), resized to `side` x `side` bilinearly as TensorFlow 1 does, in float32."""
    (top, bottom, down), (left, right, across) = (_between(extent, side) for extent in image.shape[:2])
    pixels, down, across = image.astype(np.float32), down[:, None, None], across[None, :, None]
    upper, lower = pixels[top], pixels[bottom]
    above = upper[:, left] + (upper[:, right] - upper[:, left]) * across
    below = lower[:, left] + (lower[:, right] - lower[:, left]) * across
    found: Values = above + (below - above) * down
    return found


def _between(extent: int, side: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Values]:
    """The two rows of the image that each row of the result lies between, and how far from the first."""
    at = np.arange(side, dtype=np.float32) * np.float32(extent / side)
    first = np.floor(at).astype(np.int64)
    return first, np.minimum(first + 1, extent - 1), at - first.astype(np.float32)
