"""A sample of vectors: those of the smallest hashes, so that it is the same under any partitioning."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genspark.errors import DataError
from genspark.evaluate.mixing import Hashes, of_vectors
from genspark.evaluate.parts import of_both
from genspark.evaluate.vectors import Matrix, matrix

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Sample:
    """At most `most` vectors of `n`, in the order of their hashes."""

    most: int
    n: int
    hashes: Hashes
    vectors: Matrix

    @classmethod
    def of(cls, vectors: Matrix, most: int) -> Sample:
        """A sample of these vectors."""
        hashes = of_vectors(vectors)
        first = np.argsort(hashes, kind="stable")[:most]
        return cls(most, len(vectors), hashes[first], vectors[first])

    def merged(self, other: Sample) -> Sample:
        """The sample of the vectors of both."""
        if not self.n or not other.n:
            return self if self.n else other
        if self.vectors.shape[1] != other.vectors.shape[1]:
            raise DataError("vectors are of different lengths; one extractor makes them all")
        hashes = np.concatenate([self.hashes, other.hashes])
        first = np.argsort(hashes, kind="stable")[: self.most]
        return Sample(self.most, self.n + other.n, hashes[first], np.concatenate([self.vectors, other.vectors])[first])


def both(real: Any, generated: Any, column: str, most: int, least: int) -> tuple[Sample, Sample]:
    """Samples of the vectors in a column of two frames. Raises DataError where one has fewer than `least`."""
    work = functools.partial(_sample, column=column, most=most)
    one, two = of_both(real, generated, [column], work)
    for sample, name in ((one, "real"), (two, "generated")):
        if sample.n < least:
            raise DataError(f"{name} has {sample.n} vectors in column {column!r}; this score needs {least} at least")
    if one.vectors.shape[1] != two.vectors.shape[1]:
        lengths = f"{one.vectors.shape[1]} and {two.vectors.shape[1]}"
        raise DataError(f"vectors of real and generated have {lengths} numbers; one extractor makes both")
    return one, two


def _sample(found: Iterator[pa.Table], column: str, most: int) -> Sample:
    state = Sample(most, 0, np.zeros(0, np.uint64), np.zeros((0, 0)))
    for table in found:
        if table.num_rows:
            state = state.merged(Sample.of(matrix(table, column), most))
    return state
