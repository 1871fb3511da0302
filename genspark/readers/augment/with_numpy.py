"""The pixels of views, by NumPy: the reference. Images are uint8, N x height x width x channels.

Crop and flip move pixels. Jitter goes brightness, contrast, saturation, hue, as torchvision's functions of these names
do on uint8 tensors: results are cut to 0..255 and rounded down after each. Grey images (one channel) have no saturation
and no hue. Source: torchvision.transforms.functional.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genspark.readers.augment.views import Integers, Numbers, Views

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
GREY = (0.2989, 0.587, 0.114)
"""The weights of red, green and blue in an image's grey, as torchvision has them."""


def augmented(images: Pixels, views: Views) -> Pixels:
    """One view of each image of a batch; all are of one size."""
    return jittered(cropped(images, views), views)


def augmented_each(images: Sequence[Pixels], views: Views) -> list[Pixels]:
    """One view of each image; those of one size are done together."""
    found: list[Any] = [None] * len(images)
    shapes = [image.shape for image in images]
    for shape in sorted(set(shapes)):
        places = np.array([place for place, other in enumerate(shapes) if other == shape])
        done = augmented(np.stack([image for image in images if image.shape == shape]), views.at(places))
        for place, image in zip(places, done, strict=True):
            found[place] = image
    return found


def cropped(images: Pixels, views: Views) -> Pixels:
    """The images cropped and flipped; what lies outside of an image is black."""
    count, height, width = images.shape[:3]
    tall, wide = views.size or (height, width)
    rows = _indices(views.crop_top, views.flip_vertical, count, tall)
    columns = _indices(views.crop_left, views.flip_horizontal, count, wide)
    inside_rows, inside_columns = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    found = images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    if not (inside_rows.all() and inside_columns.all()):
        found[~(inside_rows[:, :, None] & inside_columns[:, None, :])] = 0
    return found


def jittered(images: Pixels, views: Views) -> Pixels:
    """The images with other colours."""
    if views.brightness is not None:
        images = _blended(images, np.float32(0), views.brightness)
    if views.contrast is not None:
        mean = _grey(images).mean(axis=(1, 2, 3), dtype=np.float32, keepdims=True)
        images = _blended(images, mean, views.contrast)
    if images.shape[-1] == 3:
        if views.saturation is not None:
            images = _blended(images, _grey(images).astype(np.float32), views.saturation)
        if views.hue is not None:
            images = _with_hue(images, views.hue)
    return images


def _indices(start: Integers | None, is_flipped: npt.NDArray[np.bool_] | None, count: int, size: int) -> Integers:
    """Where the rows, or the columns, of a view are in its image: count x size."""
    places = np.broadcast_to(np.arange(size), (count, size))
    if is_flipped is not None:
        places = np.where(is_flipped[:, None], size - 1 - places, places)
    return places if start is None else places + start[:, None]


def _blended(images: Pixels, other: Any, factors: Numbers) -> Pixels:
    """Factor x image + (1 - factor) x other, cut and rounded down."""
    ratio = factors.astype(np.float32)[:, None, None, None]
    blended: Floats = np.clip(ratio * images.astype(np.float32) + (1 - ratio) * other, 0, 255)
    return blended.astype(np.uint8)


def _grey(images: Pixels) -> Pixels:
    if images.shape[-1] != 3:
        return images
    weights = np.array(GREY, np.float32)
    grey: Floats = (images.astype(np.float32) * weights).sum(axis=-1, keepdims=True, dtype=np.float32)
    return grey.astype(np.uint8)


def _with_hue(images: Pixels, shifts: Numbers) -> Pixels:
    """The colours turned on the wheel: to hue, saturation and value, and back."""
    red, green, blue = np.moveaxis(images.astype(np.float32) / 255, -1, 0)
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    span = high - low
    is_grey = span == 0
    saturation = span / np.where(is_grey, 1, high)
    divisor = np.where(is_grey, 1, span)
    rc, gc, bc = ((high - channel) / divisor for channel in (red, green, blue))
    hue = np.where(high == red, bc - gc, np.where(high == green, 2 + rc - bc, 4 + gc - rc))
    hue = np.mod(hue / 6 + 1, 1).astype(np.float32)
    hue = np.mod(hue + shifts.astype(np.float32)[:, None, None], 1)
    sixth = np.floor(hue * 6)
    rest = hue * 6 - sixth
    sector = sixth.astype(np.int32) % 6
    p = np.clip(high * (1 - saturation), 0, 1)
    q = np.clip(high * (1 - saturation * rest), 0, 1)
    t = np.clip(high * (1 - saturation * (1 - rest)), 0, 1)
    turned = np.stack(
        [
            np.choose(sector, (high, q, p, p, t, high)),
            np.choose(sector, (t, high, high, q, p, p)),
            np.choose(sector, (p, p, t, high, high, q)),
        ],
        axis=-1,
    )
    return (turned * np.float32(255.999)).astype(np.uint8)
