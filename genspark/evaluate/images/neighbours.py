"""Precision and recall, density and coverage: whether generated vectors lie where real ones do, and everywhere there.

Sources: T. Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019; M. F.
Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from genspark.evaluate import samples
from genspark.evaluate.score import Score, share_interval, signature
from genspark.evaluate.vectors import Matrix

_BLOCK = 1024


def precision_recall(
    real: Any, generated: Any, *, column: str = "features", k: int = 5, most: int = 10_000, extractor: str = "given"
) -> Mapping[str, Score]:
    """`precision`, `recall`, `density` and `coverage` of the vectors in a column, by balls to the k-th neighbour.

    precision: the share of generated vectors in a ball of a real one; recall: of real vectors in a ball of a generated
    one; density: the balls of real vectors that hold a generated one, over k; coverage: the share of real vectors whose
    ball holds a generated one. At most `most` vectors of each side are taken. Raises DataError for k vectors or fewer.
    """
    one, two = samples.both(real, generated, column, most, k + 1)
    x, y = one.vectors, two.vectors
    of_real, of_generated = _radii(x, k), _radii(y, k)
    in_real = _within(y, x, of_real)
    in_generated = _within(x, y, of_generated)
    values = {
        "precision": float((in_real.by_row > 0).mean()),
        "recall": float((in_generated.by_row > 0).mean()),
        "density": float(in_real.by_row.sum() / (k * len(y))),
        "coverage": float((in_real.by_ball > 0).mean()),
    }
    made = {"column": column, "k": k, "most": most, "extractor": extractor}
    return {
        name: Score(value, two.n, signature(name, **made), share_interval(value, len(y)) if name != "density" else None)
        for name, value in values.items()
    }


class _Counts:
    """How many balls each row lies in, and how many rows each ball holds."""

    def __init__(self, rows: int, balls: int) -> None:
        self.by_row = np.zeros(rows, np.int64)
        self.by_ball = np.zeros(balls, np.int64)


def _within(rows: Matrix, centres: Matrix, radii: Matrix) -> _Counts:
    counts = _Counts(len(rows), len(centres))
    for start in range(0, len(rows), _BLOCK):
        some = slice(start, start + _BLOCK)
        # A row on the border lies within, as in the sources' programs.
        inside = _distances(rows[some], centres) <= radii
        counts.by_row[some] = inside.sum(axis=1)
        counts.by_ball += inside.sum(axis=0)
    return counts


def _radii(vectors: Matrix, k: int) -> Matrix:
    """The distance of each vector to its k-th neighbour, itself aside."""
    blocks = range(0, len(vectors), _BLOCK)
    each = [np.partition(_distances(vectors[i : i + _BLOCK], vectors), k, axis=1)[:, k] for i in blocks]
    return np.concatenate(each)


def _distances(x: Matrix, y: Matrix) -> Matrix:
    square = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2.0 * (x @ y.T)
    apart: Matrix = np.sqrt(np.maximum(square, 0.0))
    return apart
