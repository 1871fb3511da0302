"""The views that a table describes: their numbers for any rows and any view, by the formula of the step.

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

from genspark.columns.chances import starts, symmetric_beta
from genspark.columns.hashing import Draw, uniform
from genspark.errors import SourceError

PROPERTY = "genspark.augment"
JITTER = ("brightness", "contrast", "saturation", "hue")
SEEDS = 1 << 53
"""Seeds are whole numbers below this: the bits of a draw."""

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
    """A table's specification: what is done to its images and other columns, and how it is drawn."""

    image: str | None = None
    seed: int = 0
    random_crop: Mapping[str, Any] | None = None
    horizontal_flip: float = 0.0
    vertical_flip: float = 0.0
    color_jitter: Mapping[str, float] | None = None
    time_crop: Mapping[str, Any] | None = None
    gaussian_noise: Mapping[str, Any] | None = None
    token_masking: Mapping[str, Any] | None = None
    mixup: Mapping[str, Any] | None = None

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
            given["crop_top"] = self._start(row_ids, view, "crop_top", heights, tall, padding)
            given["crop_left"] = self._start(row_ids, view, "crop_left", widths, wide, padding)
        if self.horizontal_flip:
            given["flip_horizontal"] = self._uniform(row_ids, view, "flip_horizontal") < self.horizontal_flip
        if self.vertical_flip:
            given["flip_vertical"] = self._uniform(row_ids, view, "flip_vertical") < self.vertical_flip
        for what in JITTER:
            if reach := (self.color_jitter or {}).get(what):
                low, high = (-reach, reach) if what == "hue" else (max(0.0, 1 - reach), 1 + reach)
                given[what] = self._uniform(row_ids, view, what) * (high - low) + low
        return Views(**given)

    def stretches(self, row_ids: Integers, view: int, lengths: Integers) -> Integers:
        """Where the stretch of each series begins, by its length; before 0 where it is shorter."""
        return self._start(row_ids, view, "time_crop_start", lengths, (self.time_crop or {})["size"])

    def noise(self, row_ids: Integers, view: int, column: int = 0) -> tuple[Integers, Numbers]:
        """The seed and the deviation of each row's noise, in the column of a number among those that get noise.

        The first has the seed that is written down; the others go on from it, as equal seeds would be equal noise.
        """
        told = self.gaussian_noise or {}
        least, most = told.get("least"), told["scale"]
        seeds = (self._seeds(row_ids, view, "noise_seed") + column * 0x9E3779B97F4A7C15 % SEEDS) % SEEDS
        if least is None:
            return seeds, np.full(len(row_ids), float(most))
        return seeds, self._uniform(row_ids, view, "noise_scale") * (most - least) + least

    def masks(self, row_ids: Integers, view: int) -> tuple[Integers, Numbers]:
        """The seed of each row's mask of tokens, and the probability that it hides one."""
        rates = np.full(len(row_ids), float((self.token_masking or {})["rate"]))
        return self._seeds(row_ids, view, "mask_seed"), rates

    def partners(self, row_ids: Integers, view: int, places: Integers, rows: int) -> Integers:
        """The place of each row's partner in its row group of so many rows; its own where there is no other."""
        others = max(1, rows - 1)
        away = np.floor(self._uniform(row_ids, view, "mixup_partner") * others).astype(np.int64) + 1
        return (places + away) % rows

    def lambdas(self, row_ids: Integers, view: int) -> Numbers:
        """The share that each row has of itself when it is mixed with its partner."""
        u, v = (self._uniform(row_ids, view, f"mixup_lambda_{one}") for one in "uv")
        return symmetric_beta((self.mixup or {})["alpha"], u, v)

    def _start(
        self, row_ids: Integers, view: int, what: str, lengths: Integers, size: int, padding: int = 0
    ) -> Integers:
        return starts(self._uniform(row_ids, view, what), lengths, size, padding).astype(np.int64)

    def _seeds(self, row_ids: Integers, view: int, what: str) -> Integers:
        return (self._uniform(row_ids, view, what) * SEEDS).astype(np.int64)

    def _uniform(self, row_ids: Integers, view: int, what: str) -> Numbers:
        return uniform(row_ids.view(np.uint64), Draw(self.seed, f"view_{view}_{what}"))
