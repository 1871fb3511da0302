"""The pixels of views, by torch, on any device: as `with_numpy`, but for one level where colours change."""

from __future__ import annotations

from typing import Any

import torch

from genspark.readers.augment.views import Views
from genspark.readers.augment.with_numpy import GREY


def augmented(images: torch.Tensor, views: Views) -> torch.Tensor:
    """One view of each image of a batch, uint8 of N x height x width x channels, where the images are."""
    return jittered(cropped(images, views), views)


def cropped(images: torch.Tensor, views: Views) -> torch.Tensor:
    """The images cropped and flipped; what lies outside of an image is black."""
    count, height, width = images.shape[:3]
    tall, wide = views.size or (height, width)
    rows = _indices(views.crop_top, views.flip_vertical, count, tall, images.device)
    columns = _indices(views.crop_left, views.flip_horizontal, count, wide, images.device)
    inside_rows, inside_columns = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    numbers = torch.arange(count, device=images.device)[:, None, None]
    found = images[numbers, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]]
    return found * (inside_rows[:, :, None] & inside_columns[:, None, :])[..., None]


def jittered(images: torch.Tensor, views: Views) -> torch.Tensor:
    """The images with other colours."""
    if views.brightness is not None:
        images = _blended(images, 0.0, views.brightness)
    if views.contrast is not None:
        images = _blended(images, _grey(images).float().mean(dim=(1, 2, 3), keepdim=True), views.contrast)
    if images.shape[-1] == 3:
        if views.saturation is not None:
            images = _blended(images, _grey(images).float(), views.saturation)
        if views.hue is not None:
            images = _with_hue(images, views.hue)
    return images


def _indices(start: Any, is_flipped: Any, count: int, size: int, device: torch.device) -> torch.Tensor:
    places = torch.arange(size, device=device).expand(count, size)
    if is_flipped is not None:
        places = torch.where(torch.as_tensor(is_flipped, device=device)[:, None], size - 1 - places, places)
    return places if start is None else places + torch.as_tensor(start, device=device)[:, None]


def _factors(factors: Any, device: torch.device) -> torch.Tensor:
    return torch.as_tensor(factors, dtype=torch.float32, device=device)


def _blended(images: torch.Tensor, other: Any, factors: Any) -> torch.Tensor:
    ratio = _factors(factors, images.device)[:, None, None, None]
    return (ratio * images.float() + (1 - ratio) * other).clamp(0, 255).to(torch.uint8)


def _grey(images: torch.Tensor) -> torch.Tensor:
    if images.shape[-1] != 3:
        return images
    weights = torch.tensor(GREY, device=images.device)
    return (images.float() * weights).sum(dim=-1, keepdim=True).to(torch.uint8)


def _with_hue(images: torch.Tensor, shifts: Any) -> torch.Tensor:
    red, green, blue = (images.float() / 255).unbind(-1)
    high, low = torch.maximum(torch.maximum(red, green), blue), torch.minimum(torch.minimum(red, green), blue)
    span = high - low
    is_grey = span == 0
    saturation = span / torch.where(is_grey, 1.0, high)
    divisor = torch.where(is_grey, 1.0, span)
    rc, gc, bc = ((high - channel) / divisor for channel in (red, green, blue))
    hue = torch.where(high == red, bc - gc, torch.where(high == green, 2 + rc - bc, 4 + gc - rc))
    hue = torch.remainder(torch.remainder(hue / 6 + 1, 1) + _factors(shifts, images.device)[:, None, None], 1)
    sixth = torch.floor(hue * 6)
    rest = hue * 6 - sixth
    sector = (sixth.long() % 6)[..., None]
    p = (high * (1 - saturation)).clamp(0, 1)
    q = (high * (1 - saturation * rest)).clamp(0, 1)
    t = (high * (1 - saturation * (1 - rest))).clamp(0, 1)
    channels = ((high, q, p, p, t, high), (t, high, high, q, p, p), (p, p, t, high, high, q))
    turned = [torch.stack(choices, -1).gather(-1, sector) for choices in channels]
    return (torch.cat(turned, -1) * 255.999).to(torch.uint8)
