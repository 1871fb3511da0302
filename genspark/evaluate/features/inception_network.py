"""The graph of the Inception-v3 of 2015-12-05 as modules of torch, by the names that the published weights have.

It is the network of C. Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016, with what
TensorFlow's release has otherwise: padding does not count in average pools, and the last block pools by maximum.
Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 1008

Convolution = tuple[int, int, int | tuple[int, int], int, int | tuple[int, int]]
"""Channels in and out, kernel, stride, padding."""


class Unit(nn.Module):  # type: ignore[misc]  # torch may be absent
    """A convolution, normalised, without what is below 0."""

    def __init__(self, described: Convolution) -> None:
        super().__init__()
        channels, out, kernel, stride, padding = described
        self.conv = nn.Conv2d(channels, out, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Any) -> Any:
        """The unit's output."""
        return F.relu(self.bn(self.conv(x)))


class Block(nn.Module):  # type: ignore[misc]
    """Branches whose outputs stand side by side.

    A branch is a list of units by name; a tuple among them at its end forks, and None before all is the pool.
    """

    def __init__(self, units: Mapping[str, Convolution], branches: list[list[Any]], pool: str) -> None:
        super().__init__()
        for name, described in units.items():
            setattr(self, name, Unit(described))
        self.branches, self.pool = branches, pool

    def forward(self, x: Any) -> Any:
        """The outputs of all branches."""
        return torch.cat([self._branch(branch, x) for branch in self.branches], dim=1)

    def _branch(self, branch: list[Any], x: Any) -> Any:
        for name in branch:
            if isinstance(name, tuple):
                x = torch.cat([getattr(self, fork)(x) for fork in name], dim=1)
            elif name is None:
                x = _POOLS[self.pool](x)
            else:
                x = getattr(self, name)(x)
        return x


_POOLS: Mapping[str, Any] = {
    "average": lambda x: F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False),
    "maximum": lambda x: F.max_pool2d(x, 3, stride=1, padding=1),
    "halving": lambda x: F.max_pool2d(x, 3, stride=2),
}


def _a(channels: int, pooled: int) -> Block:
    units: dict[str, Convolution] = {
        "branch1x1": (channels, 64, 1, 1, 0),
        "branch5x5_1": (channels, 48, 1, 1, 0),
        "branch5x5_2": (48, 64, 5, 1, 2),
        "branch3x3dbl_1": (channels, 64, 1, 1, 0),
        "branch3x3dbl_2": (64, 96, 3, 1, 1),
        "branch3x3dbl_3": (96, 96, 3, 1, 1),
        "branch_pool": (channels, pooled, 1, 1, 0),
    }
    triple = ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]
    return Block(units, [["branch1x1"], ["branch5x5_1", "branch5x5_2"], triple, [None, "branch_pool"]], "average")


def _b(channels: int) -> Block:
    units: dict[str, Convolution] = {
        "branch3x3": (channels, 384, 3, 2, 0),
        "branch3x3dbl_1": (channels, 64, 1, 1, 0),
        "branch3x3dbl_2": (64, 96, 3, 1, 1),
        "branch3x3dbl_3": (96, 96, 3, 2, 0),
    }
    return Block(units, [["branch3x3"], ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"], [None]], "halving")


def _c(between: int) -> Block:
    wide, tall = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
    units: dict[str, Convolution] = {
        "branch1x1": (768, 192, 1, 1, 0),
        "branch7x7_1": (768, between, 1, 1, 0),
        "branch7x7_2": (between, between, *wide),
        "branch7x7_3": (between, 192, *tall),
        "branch7x7dbl_1": (768, between, 1, 1, 0),
        "branch7x7dbl_2": (between, between, *tall),
        "branch7x7dbl_3": (between, between, *wide),
        "branch7x7dbl_4": (between, between, *tall),
        "branch7x7dbl_5": (between, 192, *wide),
        "branch_pool": (768, 192, 1, 1, 0),
    }
    short = [f"branch7x7_{place}" for place in (1, 2, 3)]
    long = [f"branch7x7dbl_{place}" for place in (1, 2, 3, 4, 5)]
    return Block(units, [["branch1x1"], short, long, [None, "branch_pool"]], "average")


def _d() -> Block:
    units: dict[str, Convolution] = {
        "branch3x3_1": (768, 192, 1, 1, 0),
        "branch3x3_2": (192, 320, 3, 2, 0),
        "branch7x7x3_1": (768, 192, 1, 1, 0),
        "branch7x7x3_2": (192, 192, (1, 7), 1, (0, 3)),
        "branch7x7x3_3": (192, 192, (7, 1), 1, (3, 0)),
        "branch7x7x3_4": (192, 192, 3, 2, 0),
    }
    long = [f"branch7x7x3_{place}" for place in (1, 2, 3, 4)]
    return Block(units, [["branch3x3_1", "branch3x3_2"], long, [None]], "halving")


def _e(channels: int, pool: str) -> Block:
    wide, tall = ((1, 3), 1, (0, 1)), ((3, 1), 1, (1, 0))
    units: dict[str, Convolution] = {
        "branch1x1": (channels, 320, 1, 1, 0),
        "branch3x3_1": (channels, 384, 1, 1, 0),
        "branch3x3_2a": (384, 384, *wide),
        "branch3x3_2b": (384, 384, *tall),
        "branch3x3dbl_1": (channels, 448, 1, 1, 0),
        "branch3x3dbl_2": (448, 384, 3, 1, 1),
        "branch3x3dbl_3a": (384, 384, *wide),
        "branch3x3dbl_3b": (384, 384, *tall),
        "branch_pool": (channels, 192, 1, 1, 0),
    }
    short = ["branch3x3_1", ("branch3x3_2a", "branch3x3_2b")]
    long = ["branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")]
    return Block(units, [["branch1x1"], short, long, [None, "branch_pool"]], pool)


class InceptionNetwork(nn.Module):  # type: ignore[misc]
    """Images of 299 x 299, from -1 to 1, to 2,048 pooled features and the logits without their bias."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit((3, 32, 3, 2, 0))
        self.Conv2d_2a_3x3 = Unit((32, 32, 3, 1, 0))
        self.Conv2d_2b_3x3 = Unit((32, 64, 3, 1, 1))
        self.Conv2d_3b_1x1 = Unit((64, 80, 1, 1, 0))
        self.Conv2d_4a_3x3 = Unit((80, 192, 3, 1, 0))
        blocks = [_a(192, 32), _a(256, 64), _a(288, 64), _b(288), _c(128), _c(160), _c(160), _c(192), _d()]
        blocks += [_e(1280, "average"), _e(2048, "maximum")]
        self.names = [f"Mixed_{name}" for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")]
        for name, block in zip(self.names, blocks, strict=True):
            setattr(self, name, block)
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x: Any) -> tuple[Any, Any]:
        """The features, (n, 2048), and the logits, (n, 1008)."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = F.max_pool2d(x, 3, stride=2)
        for name in self.names:
            x = getattr(self, name)(x)
        pool = x.mean(dim=(2, 3))
        return pool, pool @ self.fc.weight.T


def network(weights: Mapping[str, Any]) -> Any:
    """The network with these weights, for inference. Raises RuntimeError where names or shapes are others."""
    made = InceptionNetwork()
    made.load_state_dict(weights)
    return made.eval()
