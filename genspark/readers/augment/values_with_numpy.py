"""What views do to other data than images, by NumPy: the reference. The first axis is that of rows.

Element i of a row has random bits that are a hash of the row's seed and of i, in integers of 32 bits, so that every
library has the same. Source of the hash: C. Wellons, "Prospecting for hash functions" (lowbias32).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genspark.readers.augment.views import Integers, Numbers

IGNORED = -100
"""The target of a token that is not hidden, which torch's cross_entropy passes over."""
STREAM = 1 << 24
"""Above the 21 upper bits of a seed: what tells one number of an element from another."""

Array = npt.NDArray[Any]


def time_cropped(values: Array, starts: Integers, size: int) -> Array:
    """A stretch of each series, N x length x anything; what lies outside of a series is 0."""
    length = values.shape[1]
    places = starts[:, None] + np.arange(size)
    is_inside = (places >= 0) & (places < length)
    if not length:
        return np.zeros((len(values), size, *values.shape[2:]), values.dtype)
    found: Array = values[np.arange(len(values))[:, None], np.clip(places, 0, length - 1)]
    found[~is_inside] = 0
    return found


def noised(values: Array, seeds: Integers, scales: Numbers) -> Array:
    """Floats with noise added, in their own precision; NaN and infinities stay."""
    flat = values.reshape(len(values), -1)
    return noised_at(flat, seeds[:, None], scales[:, None], np.arange(flat.shape[1])).reshape(values.shape)


def noised_at(values: Array, seeds: Integers, scales: Numbers, places: Integers) -> Array:
    """Floats with noise added, by the seed, the deviation and the place in its row of each."""
    u, v = (bits(seeds, places, stream) * 2.0**-32 for stream in (0, 1))
    # Box and Muller's; half a step away from 0, which has no logarithm.
    noise = np.sqrt(-2 * np.log(u + 2.0**-33)) * np.cos(2 * np.pi * v)
    found: Array = (values + scales * noise).astype(values.dtype)
    return found


def masked(
    tokens: Array, seeds: Integers, rates: Numbers, mask_id: int, keep: Sequence[int] = ()
) -> tuple[Array, Array]:
    """Tokens, N x length, with `mask_id` in place of some; and the hidden ones, -100 where none is."""
    return masked_at(tokens, seeds[:, None], rates[:, None], np.arange(tokens.shape[1]), mask_id, keep)


def masked_at(
    tokens: Array, seeds: Integers, rates: Numbers, places: Integers, mask_id: int, keep: Sequence[int] = ()
) -> tuple[Array, Array]:
    """The same by the seed, the rate and the place in its row of each token."""
    is_hidden = bits(seeds, places) < np.floor(rates * 2.0**32).astype(np.int64)
    if len(keep):
        is_hidden &= ~np.isin(tokens, np.asarray(keep))
    hidden = np.where(is_hidden, np.array(mask_id, tokens.dtype), tokens)
    return hidden, np.where(is_hidden, tokens, IGNORED).astype(np.int64)


def mixed(values: Array, partners: Array, lambdas: Numbers) -> Array:
    """Each row mixed with its partner: floats in their own precision, pixels to the nearest level."""
    share = lambdas.reshape(-1, *[1] * (values.ndim - 1))
    found = share * values + (1 - share) * partners
    return (np.floor(found + 0.5) if values.dtype == np.uint8 else found).astype(values.dtype)


def bits(seeds: Integers, places: Integers, stream: int = 0) -> Integers:
    """32 random bits of each element, as integers from 0 on; seeds and places are of shapes that broadcast."""
    low, high = seeds.astype(np.uint32), (seeds >> 32 | stream * STREAM).astype(np.uint32)
    return _mixed(_mixed(places.astype(np.uint32) ^ low) ^ high).astype(np.int64)


def _mixed(values: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    values = (values ^ values >> np.uint32(16)) * np.uint32(0x7FEB352D)
    values = (values ^ values >> np.uint32(15)) * np.uint32(0x846CA68B)
    return values ^ values >> np.uint32(16)
