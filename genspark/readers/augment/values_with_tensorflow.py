"""What views do to other data than images, by TensorFlow: as `values_with_numpy`, floats but for rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from genspark.readers.augment.values_with_numpy import IGNORED, STREAM


def time_cropped(values: tf.Tensor, starts: Any, size: int) -> tf.Tensor:
    """A stretch of each series, N x length x anything; what lies outside of a series is 0."""
    length = values.shape[1]
    if not length:
        return tf.zeros((values.shape[0], size, *values.shape[2:]), values.dtype)
    places = tf.cast(starts, tf.int64)[:, None] + tf.range(size, dtype=tf.int64)
    found = tf.gather(values, tf.clip_by_value(places, 0, length - 1), axis=1, batch_dims=1)
    is_inside = (places >= 0) & (places < length)
    return tf.where(tf.reshape(is_inside, (*places.shape, *[1] * (len(values.shape) - 2))), found, tf.zeros_like(found))


def noised(values: tf.Tensor, seeds: Any, scales: Any) -> tf.Tensor:
    """Floats with noise added, in their own precision; NaN and infinities stay."""
    flat = tf.reshape(values, (values.shape[0], -1))
    places = tf.range(flat.shape[1], dtype=tf.int64)
    given = tf.cast(seeds, tf.int64)[:, None]
    u, v = (tf.cast(bits(given, places, stream), tf.float64) * 2.0**-32 for stream in (0, 1))
    noise = tf.sqrt(-2 * tf.math.log(u + 2.0**-33)) * tf.cos(2 * math.pi * v)
    found = tf.cast(flat, tf.float64) + tf.cast(scales, tf.float64)[:, None] * noise
    return tf.reshape(tf.cast(found, values.dtype), values.shape)


def masked(
    tokens: tf.Tensor, seeds: Any, rates: Any, mask_id: int, keep: Sequence[int] = ()
) -> tuple[tf.Tensor, tf.Tensor]:
    """Tokens, N x length, with `mask_id` in place of some; and the hidden ones, -100 where none is."""
    places = tf.range(tokens.shape[1], dtype=tf.int64)
    limits = tf.cast(tf.floor(tf.cast(rates, tf.float64) * 2.0**32), tf.int64)[:, None]
    is_hidden = bits(tf.cast(seeds, tf.int64)[:, None], places) < limits
    for kept in keep:
        is_hidden &= tokens != tf.cast(kept, tokens.dtype)
    hidden = tf.where(is_hidden, tf.cast(mask_id, tokens.dtype), tokens)
    return hidden, tf.where(is_hidden, tf.cast(tokens, tf.int64), tf.constant(IGNORED, tf.int64))


def mixed(values: tf.Tensor, partners: tf.Tensor, lambdas: Any) -> tf.Tensor:
    """Each row mixed with its partner: floats in their own precision, pixels to the nearest level."""
    share = tf.reshape(tf.cast(lambdas, tf.float64), (-1, *[1] * (len(values.shape) - 1)))
    found = share * tf.cast(values, tf.float64) + (1 - share) * tf.cast(partners, tf.float64)
    return tf.cast(tf.floor(found + 0.5) if values.dtype == tf.uint8 else found, values.dtype)


def bits(seeds: tf.Tensor, places: tf.Tensor, stream: int = 0) -> tf.Tensor:
    """32 random bits of each element, in integers of 64."""
    low, high = seeds & 0xFFFFFFFF, tf.bitwise.right_shift(seeds, tf.constant(32, tf.int64)) | stream * STREAM
    return _mixed(_mixed(places ^ low) ^ high)


def _mixed(values: tf.Tensor) -> tf.Tensor:
    # The second factor less 2^32, so that no product is beyond 64 bits.
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B - (1 << 32))):
        values = (values ^ tf.bitwise.right_shift(values, tf.constant(shift, tf.int64))) * factor & 0xFFFFFFFF
    return values ^ tf.bitwise.right_shift(values, tf.constant(16, tf.int64))
