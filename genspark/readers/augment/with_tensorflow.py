"""The pixels of views, by TensorFlow, on any device: as `with_numpy`, but for one level where colours change."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from genspark.readers.augment.views import Views
from genspark.readers.augment.with_numpy import GREY


def augmented(images: tf.Tensor, views: Views) -> tf.Tensor:
    """One view of each image of a batch, uint8 of N x height x width x channels."""
    return jittered(cropped(images, views), views)


def cropped(images: tf.Tensor, views: Views) -> tf.Tensor:
    """The images cropped and flipped; what lies outside of an image is black."""
    count, height, width = images.shape[:3]
    tall, wide = views.size or (height, width)
    rows = _indices(views.crop_top, views.flip_vertical, count, tall)
    columns = _indices(views.crop_left, views.flip_horizontal, count, wide)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    found = tf.gather(images, tf.clip_by_value(rows, 0, height - 1), axis=1, batch_dims=1)
    found = tf.gather(found, tf.clip_by_value(columns, 0, width - 1), axis=2, batch_dims=1)
    return found * tf.cast(inside, tf.uint8)[..., None]


def jittered(images: tf.Tensor, views: Views) -> tf.Tensor:
    """The images with other colours."""
    if views.brightness is not None:
        images = _blended(images, 0.0, views.brightness)
    if views.contrast is not None:
        mean = tf.reduce_mean(tf.cast(_grey(images), tf.float32), axis=(1, 2, 3), keepdims=True)
        images = _blended(images, mean, views.contrast)
    if images.shape[-1] == 3:
        if views.saturation is not None:
            images = _blended(images, tf.cast(_grey(images), tf.float32), views.saturation)
        if views.hue is not None:
            images = _with_hue(images, views.hue)
    return images


def _indices(start: Any, is_flipped: Any, count: int, size: int) -> tf.Tensor:
    places = tf.broadcast_to(tf.range(size), (count, size))
    if is_flipped is not None:
        places = tf.where(tf.convert_to_tensor(is_flipped)[:, None], size - 1 - places, places)
    return places if start is None else places + tf.cast(start, tf.int32)[:, None]


def _blended(images: tf.Tensor, other: Any, factors: Any) -> tf.Tensor:
    ratio = tf.cast(factors, tf.float32)[:, None, None, None]
    blended = ratio * tf.cast(images, tf.float32) + (1 - ratio) * other
    return tf.cast(tf.clip_by_value(blended, 0, 255), tf.uint8)


def _grey(images: tf.Tensor) -> tf.Tensor:
    if images.shape[-1] != 3:
        return images
    grey = tf.reduce_sum(tf.cast(images, tf.float32) * tf.constant(GREY), axis=-1, keepdims=True)
    return tf.cast(grey, tf.uint8)


def _with_hue(images: tf.Tensor, shifts: Any) -> tf.Tensor:
    # TensorFlow's conversions are those of torchvision.
    colours = tf.image.rgb_to_hsv(tf.cast(images, tf.float32) / 255)
    hue = tf.math.floormod(colours[..., 0] + tf.cast(shifts, tf.float32)[:, None, None], 1)
    turned = tf.image.hsv_to_rgb(tf.stack([hue, colours[..., 1], colours[..., 2]], axis=-1))
    return tf.cast(turned * 255.999, tf.uint8)
