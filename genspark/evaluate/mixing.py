"""Hashes of what is scored, by which rows are dealt into groups, sampled and weighted alike under any partitioning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genspark.columns.dtypes import is_hashable
from genspark.columns.hashing import KeyHash, draw_seed, hash_bytes, hash_integers
from genspark.engines.polars.engine import PolarsEngine
from genspark.evaluate.vectors import Matrix

if TYPE_CHECKING:
    import polars as pl

Hashes = npt.NDArray[np.uint64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_POISSON = np.cumsum([np.exp(-1.0) / np.prod(np.arange(1, k + 1), dtype=float) for k in range(20)])


def of_vectors(vectors: Matrix) -> Hashes:
    """A hash of each vector, from the bits of its numbers; -0.0 is 0.0."""
    mixed = np.zeros(len(vectors), np.uint64)
    with np.errstate(over="ignore"):
        for bits in (np.ascontiguousarray(vectors.T) + 0.0).view(np.uint64):
            mixed = (mixed ^ bits) * _FACTOR
            mixed ^= mixed >> np.uint64(29)
    return hash_integers(mixed.view(np.int64), 0)


def of_texts(texts: Sequence[str | None]) -> Hashes:
    """A hash of each text."""
    return hash_bytes(texts, 0)


def of_rows(rows: pl.DataFrame, seed: int = 0) -> Hashes:
    """A hash of each row, by its columns in their order, as keys are hashed; times, durations and decimals as text."""
    import narwhals as nw
    import polars as pl

    types = nw.from_native(rows).schema
    plain = rows.with_columns(pl.col(name).cast(pl.String) for name, dtype in types.items() if not is_hashable(dtype))
    columns = tuple(plain.columns)
    over = KeyHash(columns)
    hashed = PolarsEngine().with_draws(nw.from_native(plain.lazy()), columns, [over])
    found = nw.to_native(hashed).select(over.column).collect().to_series().to_numpy()
    return hash_integers(found, draw_seed(seed, "rows"))


def weights(hashes: Hashes, replicates: int) -> npt.NDArray[np.int64]:
    """How often each row stands in each replicate of a bootstrap: (replicates, rows), Poisson of mean 1.

    Rows of one hash have the same weights. Source: N. Chamandy et al., "Estimating uncertainty for massive data
    streams", 2012.
    """
    drawn = [hash_integers(hashes.view(np.int64), seed) >> np.uint64(11) for seed in range(1, replicates + 1)]
    return np.searchsorted(_POISSON, np.array(drawn) * 2.0**-53, side="right")
