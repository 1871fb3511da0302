"""N-grams of tokenised texts as hashes: counted in states that merge, and a language model of those counts.

The model is Kneser and Ney's, interpolated, with one discount; the distribution of single tokens is interpolated with
the uniform one over the vocabulary and one token that stands for all unknown ones, so that nothing has probability 0.
Source: S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling", 1999.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genspark.errors import DataError
from genspark.evaluate.mixing import Hashes, of_texts

if TYPE_CHECKING:
    import pyarrow as pa

Counts = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float64]

START, END = (np.uint64(value) for value in of_texts(["\0start", "\0end"]))
MOST_GRAMS = 50_000_000
"""Distinct n-grams that a model may hold: more are gigabytes."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def tokens(table: pa.Table, column: str) -> Iterator[tuple[str, Hashes]]:
    """Each text of a column with the hashes of its words, which white space parts. Raises DataError for a null."""
    for row, text in enumerate(table.column(column).to_pylist()):
        if text is None:
            raise DataError(f"column {column!r} has a null in row {row} of a batch; a missing text is the text ''")
        yield text, of_texts(text.split())


def windows(words: Hashes, n: int) -> Hashes:
    """The n-grams of a text, one a row: (n-grams, n); none of a shorter text."""
    if len(words) < n:
        return np.zeros((0, n), np.uint64)
    return np.lib.stride_tricks.sliding_window_view(words, n)


def padded(words: Hashes, n: int) -> Hashes:
    """The n-grams that foretell each word of a text and its end, from what stands before it."""
    start = np.full(n - 1, START, np.uint64)
    return windows(np.concatenate([start, words, [END]]), n)


def mixed(grams: Hashes) -> Hashes:
    """A hash of each row of hashes; of rows without columns the same for all."""
    found = np.zeros(len(grams), np.uint64)
    with np.errstate(over="ignore"):
        for column in grams.T:
            found = (found ^ column) * _FACTOR
            found ^= found >> np.uint64(29)
    return found


@dataclass(frozen=True)
class Grams:
    """The distinct n-grams of some texts, in the order of their hashes, and how often each stands there."""

    grams: Hashes
    counts: Counts

    @classmethod
    def of(cls, grams: Hashes, counts: Counts | None = None) -> Grams:
        """The distinct ones of some n-grams, each with the sum of its counts."""
        _, first, place = np.unique(mixed(grams), return_index=True, return_inverse=True)
        summed = np.bincount(place, counts, len(first)).astype(np.int64)
        return cls(grams[first], summed)

    def merged(self, other: Grams) -> Grams:
        """The n-grams of the texts of both."""
        if not len(self.counts) or not len(other.counts):
            return self if len(self.counts) else other
        both = Grams.of(np.concatenate([self.grams, other.grams]), np.concatenate([self.counts, other.counts]))
        if len(both.counts) > MOST_GRAMS:
            raise DataError(
                f"the texts have more than {MOST_GRAMS:,} distinct n-grams; choose a lower order, or a sample of them"
            )
        return both

    def shorter(self) -> Grams:
        """The n-grams without their first token, each counted by the distinct tokens that stand before it."""
        return Grams.of(self.grams[:, 1:])


def count(found: Iterator[pa.Table], column: str, order: int) -> Grams:
    """The n-grams of the texts in a column, their ends among them."""
    state = Grams(np.zeros((0, order), np.uint64), np.zeros(0, np.int64))
    for table in found:
        some = [padded(words, order) for _, words in tokens(table, column)]
        if some:
            state = state.merged(Grams.of(np.concatenate(some)))
    return state


@dataclass(frozen=True)
class NgramModel:
    """A language model of the n-grams of some texts, with a discount between 0 and 1."""

    grams: Grams
    discount: float

    def log_probabilities(self, grams: Hashes) -> Matrix:
        """The natural logarithm of the probability of the last token of each n-gram after those before it."""
        found = np.full(len(grams), 1.0 / self.vocabulary)
        for level in self._levels:
            found = level.interpolated(grams[:, grams.shape[1] - level.order :], found, self.discount)
        logs: Matrix = np.log(found)
        return logs

    @property
    def vocabulary(self) -> int:
        """The number of tokens: those that were seen, the end of a text, and the unknown one."""
        return len(self._levels[0].counts) + 1

    @cached_property
    def _levels(self) -> Sequence[_Level]:
        """From single tokens up."""
        grams, found = self.grams, [_Level.of(self.grams)]
        while grams.grams.shape[1] > 1:
            grams = grams.shorter()
            found.append(_Level.of(grams))
        return found[::-1]


@dataclass(frozen=True)
class _Level:
    """The n-grams of one order and their contexts, by hash, with counts; of contexts the distinct tokens after too."""

    order: int
    hashes: Hashes
    counts: Counts
    contexts: Hashes
    totals: Counts
    followers: Counts

    @classmethod
    def of(cls, grams: Grams) -> _Level:
        hashes = mixed(grams.grams)
        contexts, place = np.unique(mixed(grams.grams[:, :-1]), return_inverse=True)
        order = np.argsort(hashes)
        totals = np.bincount(place, grams.counts).astype(np.int64)
        return cls(grams.grams.shape[1], hashes[order], grams.counts[order], contexts, totals, np.bincount(place))

    def interpolated(self, grams: Hashes, lower: Matrix, discount: float) -> Matrix:
        """The probabilities of this order, from those of the order below."""
        counts = _looked_up(mixed(grams), self.hashes, self.counts)
        before = mixed(grams[:, :-1])
        totals = _looked_up(before, self.contexts, self.totals)
        followers = _looked_up(before, self.contexts, self.followers)
        known = totals > 0
        above = np.maximum(counts - discount, 0.0) + discount * followers * lower
        found: Matrix = np.divide(above, totals, out=lower.copy(), where=known)
        return found


def _looked_up(wanted: Hashes, keys: Hashes, values: Counts) -> Counts:
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
