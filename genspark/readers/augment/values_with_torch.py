"""What views do to other data than images, by torch, on any device: as `values_with_numpy`, floats but for rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from genspark.readers.augment.values_with_numpy import IGNORED, STREAM


def time_cropped(values: torch.Tensor, starts: Any, size: int) -> torch.Tensor:
    """A stretch of each series, N x length x anything; what lies outside of a series is 0."""
    length, device = values.shape[1], values.device
    if not length:
        return values.new_zeros((len(values), size, *values.shape[2:]))
    places = torch.as_tensor(starts, device=device)[:, None] + torch.arange(size, device=device)
    found = values[torch.arange(len(values), device=device)[:, None], places.clamp(0, length - 1)]
    is_inside = (places >= 0) & (places < length)
    return torch.where(is_inside.reshape(*places.shape, *[1] * (values.ndim - 2)), found, 0).to(values.dtype)


def noised(values: torch.Tensor, seeds: Any, scales: Any) -> torch.Tensor:
    """Floats with noise added, in their own precision; NaN and infinities stay."""
    flat = values.reshape(len(values), -1)
    given = torch.as_tensor(seeds, device=values.device)[:, None]
    places = torch.arange(flat.shape[1], device=values.device)
    u, v = (bits(given, places, stream).double() * 2.0**-32 for stream in (0, 1))
    noise = torch.sqrt(-2 * torch.log(u + 2.0**-33)) * torch.cos(2 * torch.pi * v)
    scaled = torch.as_tensor(scales, device=values.device)[:, None] * noise
    return (flat + scaled).to(values.dtype).reshape(values.shape)


def masked(
    tokens: torch.Tensor, seeds: Any, rates: Any, mask_id: int, keep: Sequence[int] = ()
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens, N x length, with `mask_id` in place of some; and the hidden ones, -100 where none is."""
    device = tokens.device
    places = torch.arange(tokens.shape[1], device=device)
    limits = torch.floor(torch.as_tensor(rates, device=device) * 2.0**32).long()[:, None]
    is_hidden = bits(torch.as_tensor(seeds, device=device)[:, None], places) < limits
    if len(keep):
        is_hidden &= ~torch.isin(tokens, torch.tensor(keep, device=device))
    return tokens.masked_fill(is_hidden, mask_id), torch.where(is_hidden, tokens.long(), IGNORED)


def mixed(values: torch.Tensor, partners: torch.Tensor, lambdas: Any) -> torch.Tensor:
    """Each row mixed with its partner: floats in their own precision, pixels to the nearest level."""
    share = torch.as_tensor(lambdas, device=values.device).reshape(-1, *[1] * (values.ndim - 1))
    found = share * values + (1 - share) * partners
    return (torch.floor(found + 0.5) if values.dtype == torch.uint8 else found).to(values.dtype)


def bits(seeds: torch.Tensor, places: torch.Tensor, stream: int = 0) -> torch.Tensor:
    """32 random bits of each element, in integers of 64, which torch has all operations for."""
    low, high = seeds & 0xFFFFFFFF, (seeds >> 32) | stream * STREAM
    return _mixed(_mixed(places ^ low) ^ high)


def _mixed(values: torch.Tensor) -> torch.Tensor:
    # The second factor less 2^32, so that no product is beyond 64 bits.
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B - (1 << 32))):
        values = (values ^ (values >> shift)) * factor & 0xFFFFFFFF
    return values ^ (values >> 16)
