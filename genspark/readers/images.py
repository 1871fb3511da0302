"""Images in batches: decoded by Pillow, in the threads that make batches, and augmented as the table describes."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genspark.errors import ConfigError, DataError
from genspark.readers.augment.views import Augmentation
from genspark.readers.augment.with_numpy import Pixels, augmented_each
from genspark.readers.dense import Values
from genspark.readers.groups import Counts
from genspark.readers.plan import ROW_ID

SMALL = 16 << 10
"""Bytes of an image below which one thread decodes as fast as several."""
JPEG = b"\xff\xd8\xff"
"""How files of JPEG begin."""
_SMALL_ONES = threading.Lock()

OnError = Literal["raise", "skip"]


@dataclass(frozen=True)
class Images:
    """Which columns of a batch are images, and the specification by which one of them is augmented, if it is.

    A corrupt image is an error, or black and not valid (`on_error`: `skip`).
    """

    columns: tuple[str, ...]
    augmentation: Augmentation | None = None
    on_error: OnError = "raise"

    def decoded(
        self, columns: Mapping[str, Values], is_valid: npt.NDArray[np.bool_], epoch: int, counts: Counts
    ) -> tuple[dict[str, Values], npt.NDArray[np.bool_]]:
        """The columns with pixels in place of bytes, and which rows are valid; view number `epoch` is taken."""
        done = dict(columns)
        for name in (name for name in self.columns if name in done):
            images: list[Any] = self._each_decoded(columns[name], name)
            is_whole = np.array([image is not None for image in images])
            if not is_whole.all():
                counts.add_corrupt(int((~is_whole & is_valid).sum()))
                is_valid = is_valid & is_whole
                images = _filled(images)
            if self.augmentation and name == self.augmentation.image:
                heights, widths = (np.array([image.shape[axis] for image in images]) for axis in (0, 1))
                views = self.augmentation.views(np.ascontiguousarray(columns[ROW_ID]), epoch, heights, widths)
                images = augmented_each(images, views)
            done[name] = stacked(images)
        return done, is_valid

    def _each_decoded(self, contents: Values, column: str) -> list[Any]:
        size = sum(len(content or b"") for content in contents) / max(1, len(contents))
        # Threads that decode small images spend a third of their time in turns at the interpreter's lock.
        with _SMALL_ONES if size < SMALL else contextlib.nullcontext():
            return [self._decoded(content, column) for content in contents]

    def _decoded(self, content: bytes | None, column: str) -> Pixels | None:
        from PIL import Image

        try:
            # Told the format, Pillow asks no other decoder, which is a tenth of the time of a small image.
            formats = ("JPEG",) if content and content.startswith(JPEG) else None
            with Image.open(io.BytesIO(content or b""), formats=formats) as image:
                return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
        except (OSError, ValueError, SyntaxError) as error:
            if self.on_error == "skip":
                return None
            raise DataError(
                f"column {column!r}: an image cannot be decoded ({error}); take it out of the table, "
                "or pass over such with on_error='skip'"
            ) from error


def _filled(images: list[Any]) -> list[Pixels]:
    """The images, with black ones of the size of the first in place of those that could not be decoded."""
    whole = next((image for image in images if image is not None), np.zeros((1, 1, 3), np.uint8))
    return [np.zeros_like(whole) if image is None else image for image in images]


def stacked(images: list[Pixels]) -> Values:
    """Images of one size as one array, and those of several as an array of arrays."""
    if len({image.shape for image in images}) == 1:
        return np.stack(images)
    found = np.empty(len(images), object)
    for place, image in enumerate(images):
        found[place] = image
    return found


def require_pillow() -> None:
    """Raise ConfigError where images cannot be decoded."""
    if importlib.util.find_spec("PIL") is None:
        raise ConfigError("images: Pillow decodes them, and is not installed: pip install 'genspark[images]'")
