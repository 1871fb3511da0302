"""Inception Score: whether generated images are each of one class, and of many classes in all.

exp(E[KL(p(y|x) || p(y))]) over the classes' probabilities of each image. Source: T. Salimans et al., "Improved
techniques for training GANs", 2016. It is computed in splits, whose mean it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.mixing import of_vectors
from genspark.evaluate.score import Score, of_mean, signature
from genspark.evaluate.vectors import Matrix, matrix

if TYPE_CHECKING:
    import pyarrow as pa

Order = Literal["hash", "rows", "permuted"]
Places = Callable[[Matrix], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Classes:
    """By split: the images (splits), the sums of their probabilities (splits, classes) and of p log p (splits)."""

    n: npt.NDArray[np.int64]
    p: Matrix
    entropy: Matrix

    def merged(self, other: Classes) -> Classes:
        """The sums of the images of both."""
        if not self.n.sum() or not other.n.sum():
            return self if self.n.sum() else other
        return Classes(self.n + other.n, self.p + other.p, self.entropy + other.entropy)

    def scores(self) -> Matrix:
        """The score of each split that has an image."""
        some = self.n > 0
        n, p = self.n[some], self.p[some]
        mean = p / n[:, None]
        logs = np.log(mean, where=mean > 0, out=np.zeros_like(mean))
        scores: Matrix = np.exp(self.entropy[some] / n - (mean * logs).sum(axis=1))
        return scores


def inception_score(
    frame: Any,
    *,
    column: str = "logits",
    splits: int = 10,
    probabilities: bool = False,
    order: Order = "hash",
    extractor: str = "given",
) -> Score:
    """The Inception Score of the vectors in a column: logits, or with `probabilities` what softmax made of them.

    The images are dealt into `splits` by a hash of their vector, which no order of rows changes; `order: rows` takes
    equal stretches of the rows, and `permuted` of the rows as torch-fidelity permutes them (of a frame in this process
    alone). The interval is that of the mean of the splits. Raises DataError for fewer images than splits.
    """
    if splits < 1:
        raise DataError(f"splits is {splits}, and there is one at least")
    work = functools.partial(_sums, column=column, splits=splits, is_ready=probabilities)
    if order == "hash":
        state = parts.merged(frame, [column], work)
    else:
        parts.check_columns(frame, [column], "the frame")
        state = _in_stretches(frame, column, splits, order, is_ready=probabilities)
    n, each = int(state.n.sum()), state.scores()
    if len(each) < splits:
        raise DataError(f"{n:,} images cannot be dealt into {splits} splits; give more images or fewer splits")
    made = signature("inception_score", column=column, splits=splits, order=order, extractor=extractor)
    few = [f"{n:,} images: the score of so few is too low; have 5,000 a split"] if n < 5_000 * splits else []
    return Score(float(each.mean()), n, made, of_mean(each.tolist()), {"std": float(each.std())}, few)


def _sums(
    found: Iterator[pa.Table], column: str, splits: int, *, is_ready: bool, places: Places | None = None
) -> Classes:
    state = Classes(np.zeros(splits, np.int64), np.zeros((splits, 1)), np.zeros(splits))
    for table in found:
        if table.num_rows:
            vectors = matrix(table, column)
            dealt = places(vectors) if places else (of_vectors(vectors) % np.uint64(splits)).astype(np.int64)
            state = state.merged(_of(vectors, dealt, splits, is_ready=is_ready))
    return state


def _of(vectors: Matrix, dealt: npt.NDArray[np.int64], splits: int, *, is_ready: bool) -> Classes:
    if is_ready:
        if (vectors < 0).any() or (np.abs(vectors.sum(axis=1) - 1.0) > 1e-3).any():
            raise DataError("probabilities must not be negative, and sum to 1 in each row; of logits, leave it out")
        p = vectors
    else:
        p = np.exp(vectors - vectors.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
    entropy = (p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum(axis=1)
    sums = np.zeros((splits, p.shape[1]))
    np.add.at(sums, dealt, p)
    return Classes(np.bincount(dealt, minlength=splits), sums, np.bincount(dealt, entropy, splits).astype(np.float64))


def _in_stretches(frame: Any, column: str, splits: int, order: Order, *, is_ready: bool) -> Classes:
    """The sums of a frame in this process, its rows dealt by their number."""
    if parts.is_spark(frame):
        raise DataError(f"order: {order} needs the rows' numbers, which a Spark frame does not have; leave it out")
    n = sum(table.num_rows for table in parts.tables(frame, [column]))
    places = np.arange(n)
    if order == "permuted":
        places = np.empty(n, np.int64)
        places[np.random.RandomState(2020).permutation(n)] = np.arange(n)
    bounds = np.array([n * i // splits for i in range(splits + 1)])
    dealt, start = np.searchsorted(bounds, places, side="right") - 1, 0

    def next_places(vectors: Matrix) -> npt.NDArray[np.int64]:
        nonlocal start
        start += len(vectors)
        return dealt[start - len(vectors) : start]

    return _sums(parts.tables(frame, [column]), column, splits, is_ready=is_ready, places=next_places)
