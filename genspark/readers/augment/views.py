"""The views of images that a table describes: their numbers for any rows and any view, by the formula of the step.

The step writes the numbers of the first views into the table, and its specification into the property
`genspark.augment`. Each number is a hash of (seed, row, view), so those of further views follow from it and `_row_id`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genspark.columns.hashing import Draw, uniform
from genspark.errors import SourceError

PROPERTY = "genspark.augment"
JITTER = ("brightness", "contrast", "saturation", "hue")

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Views:
    """One view of each of some images; what is None is left alone.

    `crop_top` and `crop_left` are pixels from the image's corner, negative in the padding, which is black; `size` is
    the crop's height and width. Flips are booleans; brightness, contrast and saturation factors, hue a shift in turns.
    """

    size: tuple[int, int] | None = None
    crop_top: Integers | None = None
    crop_left: Integers | None = None
    flip_horizontal: npt.NDArray[np.bool_] | None = None
    flip_vertical: npt.NDArray[np.bool_] | None = None
    brightness: Numbers | None = None
    contrast: Numbers | None = None
    saturation: Numbers | None = None
    hue: Numbers | None = None

    def at(self, places: Integers) -> Views:
        """The views of the images at some places."""
        given = ((one.name, getattr(self, one.name)) for one in fields(self))
        changed: dict[str, Any] = {name: value[places] for name, value in given if isinstance(value, np.ndarray)}
        return replace(self, **changed)


@dataclass(frozen=True)
class Augmentation:
    """A table's specification: the column of images, and what its views are like."""

    image: str
    seed: int = 0
    random_crop: Mapping[str, Any] | None = None
    horizontal_flip: float = 0.0
    vertical_flip: float = 0.0
    color_jitter: Mapping[str, float] | None = None

    @classmethod
    def of(cls, properties: Mapping[str, str], path: str) -> Augmentation:
        """The specification in a table's properties. Raises SourceError where there is none."""
        if PROPERTY not in properties:
            raise SourceError(f"augment: {path} describes no views; write it by a job with the step `augment`")
        told = json.loads(properties[PROPERTY])
        return cls(**{one.name: told[one.name] for one in fields(cls) if one.name in told})

    def views(self, row_ids: Integers, view: int, heights: Integers, widths: Integers) -> Views:
        """View number `view` of images of some heights and widths, by the ids of their rows."""
        given: dict[str, Any] = {}
        if self.random_crop:
            (tall, wide), padding = self.random_crop["size"], int(self.random_crop.get("padding", 0))
            given["size"] = tall, wide
            given["crop_top"] = _place(self._uniform(row_ids, view, "crop_top"), heights, tall, padding)
            given["crop_left"] = _place(self._uniform(row_ids, view, "crop_left"), widths, wide, padding)
        if self.horizontal_flip:
            given["flip_horizontal"] = self._uniform(row_ids, view, "flip_horizontal") < self.horizontal_flip
        if self.vertical_flip:
            given["flip_vertical"] = self._uniform(row_ids, view, "flip_vertical") < self.vertical_flip
        for what in JITTER:
            if reach := (self.color_jitter or {}).get(what):
                low, high = (-reach, reach) if what == "hue" else (max(0.0, 1 - reach), 1 + reach)
                given[what] = self._uniform(row_ids, view, what) * (high - low) + low
        return Views(**given)

    def _uniform(self, row_ids: Integers, view: int, what: str) -> Numbers:
        return uniform(row_ids.view(np.uint64), Draw(self.seed, f"view_{view}_{what}"))


def _place(u: Numbers, length: Integers, crop: int, padding: int) -> Integers:
    """The start of a crop along one side: uniform over its places, or centred where there is no choice."""
    places = length + (2 * padding - crop + 1)
    return np.where(places >= 1, np.floor(u * places) - padding, np.floor((length - crop) / 2)).astype(np.int64)
