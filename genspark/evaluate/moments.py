"""Mean and covariance of vectors, from states that merge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genspark.errors import DataError
from genspark.evaluate.vectors import Matrix, matrix

if TYPE_CHECKING:
    import pyarrow as pa


_BLOCK = 1024
"""Vectors whose products are taken at once."""


@dataclass(frozen=True)
class Moments:
    """The number of vectors, their mean (d), and the sums of products of their deviations from it (d, d).

    Deviations, not values, so that an offset costs no digits. Source: T. F. Chan, G. H. Golub, R. J. LeVeque,
    "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    """

    n: int
    mean: Matrix
    products: Matrix

    @classmethod
    def of(cls, vectors: Matrix) -> Moments:
        """The moments of some vectors, one a row, of any type of number.

        They are taken about a pivot, the mean of the first block, in memory that all blocks share: new memory for each
        would take as long as the products.
        """
        n, d = vectors.shape
        products, sums = np.zeros((d, d)), np.zeros(d)
        if not n:
            return cls(0, sums, products)
        pivot = vectors[:_BLOCK].mean(axis=0, dtype=np.float64)
        apart, some = np.empty((min(n, _BLOCK), d)), np.empty((d, d))
        for start in range(0, n, _BLOCK):
            block = vectors[start : start + _BLOCK]
            of = apart[: len(block)]
            np.subtract(block, pivot, out=of)
            sums += of.sum(axis=0)
            products += np.matmul(of.T, of, out=some)
        shift = sums / n
        products -= np.outer(shift, sums)
        return cls(n, pivot + shift, products)

    def merged(self, other: Moments) -> Moments:
        """The moments of the vectors of both. Raises DataError where they are of different lengths."""
        if not self.n or not other.n:
            return self if self.n else other
        if len(self.mean) != len(other.mean):
            raise DataError(
                f"vectors are of {len(self.mean)} and of {len(other.mean)} numbers; one extractor makes both"
            )
        n = self.n + other.n
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.n / n)
        products = np.outer(apart * (self.n * other.n / n), apart)
        products += self.products
        products += other.products
        return Moments(n, mean, products)

    @property
    def covariance(self) -> Matrix:
        """The covariance, divided by n - 1."""
        return self.products / (self.n - 1)


def moments(found: Iterator[pa.Table], column: str) -> Moments:
    """The moments of the vectors in a column."""
    state = Moments(0, np.zeros(0), np.zeros((0, 0)))
    for table in found:
        if table.num_rows:
            state = state.merged(Moments.of(matrix(table, column, as_they_are=True)))
    return state
