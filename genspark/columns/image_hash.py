"""Perceptual hashes of pictures: 64 bits that stay nearly the same when a picture is scaled or saved anew."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SIDE, KEPT = 32, 8
_BATCH = 1024


def perceptual_hashes(pictures: Sequence[bytes | None]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """The pHash of each encoded picture, and whether it is one that can be read.

    A loop over pictures, since each is decoded by itself. The bits are those of `imagehash.phash`, row by row from the
    highest: whether each of the lowest 8 x 8 coefficients of the cosine transform of the picture in grey, 32 x 32, is
    above their median.

    Source: E. Klinger, D. Starkweather, pHash; J. Buchner, the package imagehash.
    """
    hashes, are_read = np.zeros(len(pictures), np.uint64), np.zeros(len(pictures), np.bool_)
    for start in range(0, len(pictures), _BATCH):
        grey = [_grey(picture) for picture in pictures[start : start + _BATCH]]
        here = np.flatnonzero([each is not None for each in grey]) + start
        if len(here):
            hashes[here] = _hashed(np.stack([each for each in grey if each is not None]))
            are_read[here] = True
    return hashes, are_read


def _grey(picture: bytes | None) -> npt.NDArray[np.float64] | None:
    from PIL import Image

    if not picture:
        return None
    try:
        with Image.open(io.BytesIO(picture)) as image:
            small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            return np.asarray(small, np.float64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _hashed(grey: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    """The hashes of pictures: pictures x 32 x 32."""
    places = np.arange(SIDE)
    cosines = 2 * np.cos(np.pi * places[:KEPT, None] * (2 * places + 1) / (2 * SIDE))
    low = (cosines @ grey @ cosines.T).reshape(len(grey), KEPT * KEPT)
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()
