"""Distances of features by kernels, which have no bias for few images: the Kernel distance, and CMMD."""

from __future__ import annotations

from typing import Any

import numpy as np

from genspark.evaluate import samples
from genspark.evaluate.score import Score, of_mean, signature
from genspark.evaluate.vectors import Matrix


def kernel_distance(
    real: Any,
    generated: Any,
    *,
    column: str = "features",
    subsets: int = 100,
    subset_size: int = 1000,
    most: int = 50_000,
    seed: int = 2020,
    extractor: str = "given",
) -> Score:
    """The Kernel distance (KID) of the vectors in a column: the unbiased squared maximum mean discrepancy, 0 is best.

    The kernel is (x . y / d + 1)^3. It is the mean over `subsets` of `subset_size` vectors of each side, drawn from at
    most `most`; where a side has no more than that, there is one subset of all. Source: M. Binkowski et al.,
    "Demystifying MMD GANs", 2018. Raises DataError for fewer than two vectors.
    """
    one, two = samples.both(real, generated, column, most, 2)
    x, y = one.vectors, two.vectors
    size = min(subset_size, len(x), len(y))
    chance = np.random.default_rng(seed)
    if size == len(x) == len(y):
        values = np.array([_unbiased(x, y)])
    else:
        draw = [
            (chance.choice(len(x), size, replace=False), chance.choice(len(y), size, replace=False))
            for _ in range(subsets)
        ]
        values = np.array([_unbiased(x[i], y[j]) for i, j in draw])
    made = signature(
        "kernel_distance", column=column, subsets=subsets, subset_size=subset_size, seed=seed, extractor=extractor
    )
    told = {"std": float(values.std()), "real_n": float(one.n)}
    return Score(float(values.mean()), two.n, made, of_mean(values.tolist()), told)


def cmmd(
    real: Any,
    generated: Any,
    *,
    column: str = "features",
    sigma: float = 10.0,
    most: int = 30_000,
    extractor: str = "given",
) -> Score:
    """The maximum mean discrepancy of embeddings under a Gaussian kernel, times 1,000; 0 is best.

    Of CLIP's embeddings it is CMMD. Source: S. Jayasumana et al., "Rethinking FID: towards a better evaluation metric
    for image generation", 2024. At most `most` vectors of each side are taken. Raises DataError for fewer than two.
    """
    one, two = samples.both(real, generated, column, most, 2)
    x, y = one.vectors, two.vectors
    gamma = 1.0 / (2.0 * sigma**2)
    value = 1000.0 * (_gaussian(x, x, gamma) + _gaussian(y, y, gamma) - 2.0 * _gaussian(x, y, gamma))
    made = signature("cmmd", column=column, sigma=sigma, most=most, extractor=extractor)
    return Score(value, two.n, made, None, {"real_n": float(one.n)})


def _unbiased(x: Matrix, y: Matrix) -> float:
    d, m, n = x.shape[1], len(x), len(y)
    xx, yy, xy = ((a @ b.T / d + 1.0) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within - 2.0 * xy.mean())


def _gaussian(x: Matrix, y: Matrix, gamma: float) -> float:
    """The mean of the kernel over all pairs, by blocks."""
    square = (y**2).sum(axis=1)
    total = 0.0
    for start in range(0, len(x), 1024):
        some = x[start : start + 1024]
        apart = (some**2).sum(axis=1)[:, None] + square - 2.0 * (some @ y.T)
        total += float(np.exp(-gamma * np.maximum(apart, 0.0)).sum())
    return total / (len(x) * len(y))
