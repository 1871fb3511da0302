"""Diversity of texts: the share of distinct n-grams, and how well texts foretell each other (self-BLEU)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genspark.columns.hashing import hash_integers
from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.mixing import Hashes, of_texts
from genspark.evaluate.score import Score, of_mean, signature
from genspark.evaluate.texts.distinct import MOST, Distinct
from genspark.evaluate.texts.ngrams import mixed, tokens, windows

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class _Seen:
    """The number of n-grams, and the distinct ones."""

    n: int
    distinct: Distinct

    def merged(self, other: _Seen) -> _Seen:
        return _Seen(self.n + other.n, self.distinct.merged(other.distinct))


def distinct_n(frame: Any, *, column: str, n: int = 2, most: int = MOST) -> Score:
    """The number of distinct n-grams of the texts in a column over that of all; words are parted by white space.

    Exact up to `most` distinct n-grams; of more it is estimated from the `most` smallest hashes, and the interval tells
    how well. It falls as texts grow in number, so compare equally many. Source: J. Li et al., "A diversity-promoting
    objective function for neural conversation models", 2016. Raises DataError for a null and where no text has n words.
    """
    if n < 1:
        raise DataError(f"n is {n}, and n-grams have a word at least")
    state = parts.merged(frame, [column], functools.partial(_grams, column=column, n=n, most=most))
    if not state.n:
        raise DataError(f"no text of column {column!r} has {n} words; choose a smaller n")
    value, error = state.distinct.count / state.n, 1.96 * state.distinct.error
    bounds = None if state.distinct.is_exact else (value * (1 - error), value * (1 + error))
    return Score(value, state.n, signature("distinct_n", column=column, order=n), bounds)


def _grams(found: Iterator[pa.Table], column: str, n: int, most: int) -> _Seen:
    state = _Seen(0, Distinct(np.zeros(0, np.uint64), most))
    for table in found:
        some = [windows(words, n) for _, words in tokens(table, column)]
        if some:
            grams = np.concatenate(some)
            hashes = hash_integers(mixed(grams).view(np.int64), 0)
            state = state.merged(_Seen(len(grams), Distinct.of(hashes, most)))
    return state


@dataclass(frozen=True)
class _Texts:
    """The distinct texts of the smallest hashes, `most` at most, how often each stands there, and all texts' number."""

    most: int
    n: int
    hashes: Hashes
    counts: npt.NDArray[np.int64]
    words: tuple[Hashes, ...]

    def merged(self, other: _Texts) -> _Texts:
        hashes = np.concatenate([self.hashes, other.hashes])
        kept, first, place = np.unique(hashes, return_index=True, return_inverse=True)
        counts = np.bincount(place, np.concatenate([self.counts, other.counts]), len(kept)).astype(np.int64)
        words = (*self.words, *other.words)
        some = tuple(words[i] for i in first[: self.most])
        return _Texts(self.most, self.n + other.n, kept[: self.most], counts[: self.most], some)


def self_bleu(frame: Any, *, column: str, order: int = 4, most: int = 10_000) -> Score:
    """The mean BLEU of each text in a column with all others as its references, from 0 to 100; lower is more diverse.

    Sentence BLEU of words that white space parts, in which an n-gram that no other text has counts as 0.1. Two texts
    alike score 100. Of more than `most` distinct texts those of the smallest hashes are taken, with all their copies.
    Source: Y. Zhu et al., "Texygen: a benchmarking platform for text generation models", 2018. Raises DataError for
    fewer than two texts.
    """
    state = parts.merged(frame, [column], functools.partial(_texts, column=column, most=most))
    if state.counts.sum() < 2:
        raise DataError(f"column {column!r} has {state.n} texts, and self-BLEU needs two at least")
    each = 100.0 * _bleu(state, order)
    value = float(each @ state.counts / state.counts.sum())
    made = signature("self_bleu", column=column, order=order, most=most)
    bounds = of_mean(np.repeat(each, state.counts).tolist())
    return Score(value, state.n, made, bounds, {"distinct_texts": float(len(each))})


def _texts(found: Iterator[pa.Table], column: str, most: int) -> _Texts:
    state = _Texts(most, 0, np.zeros(0, np.uint64), np.zeros(0, np.int64), ())
    for table in found:
        rows = list(tokens(table, column))
        if rows:
            hashes = of_texts([" ".join(text.split()) for text, _ in rows])
            ones = np.ones(len(rows), np.int64)
            some = _Texts(most, len(rows), hashes, ones, tuple(words for _, words in rows))
            state = state.merged(some)
    return state


def _bleu(texts: _Texts, order: int) -> npt.NDArray[np.float64]:
    """The sentence BLEU of each distinct text against all others."""
    lengths = np.array([len(words) for words in texts.words])
    logs = np.zeros(len(lengths))
    is_nothing = np.zeros(len(lengths), bool)
    for n in range(1, order + 1):
        matched, all_of = _matches(texts, n)
        if n == 1:
            is_nothing = matched == 0
        precision = np.where(matched > 0, matched, 0.1) / np.maximum(all_of, 1)
        logs += np.log(precision) / order
    apart = _nearest(lengths, texts.counts)
    brevity = np.minimum(0.0, 1.0 - apart / np.maximum(lengths, 1))
    found = np.where(is_nothing, 0.0, np.exp(logs + brevity))
    return np.asarray(found, np.float64)


def _matches(texts: _Texts, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of each text: its n-grams, none counted more often than another text has it; and their number."""
    some = [mixed(windows(words, n)) for words in texts.words]
    sizes = np.array([len(grams) for grams in some])
    owners = np.repeat(np.arange(len(some)), sizes)
    grams, place = np.unique(np.concatenate(some), return_inverse=True)
    pairs, times = np.unique(np.stack([place, owners]), axis=1, return_counts=True)
    gram, owner = pairs
    # The most and the second most that any text has of each n-gram: a text is held to what the others have.
    by_count = np.lexsort((times, gram))
    last = np.flatnonzero(np.diff(gram[by_count], append=-1))
    best, second = np.zeros(len(grams), np.int64), np.zeros(len(grams), np.int64)
    best[gram[by_count][last]] = times[by_count][last]
    before = last[np.diff(last, prepend=-1) > 1]
    second[gram[by_count][before]] = times[by_count][before - 1]
    is_best = np.zeros(len(times), bool)
    is_best[by_count[last]] = True
    others = np.where(is_best & (texts.counts[owner] == 1), second[gram], best[gram])
    return np.bincount(owner, np.minimum(times, others), len(some)).astype(np.int64), sizes


def _nearest(lengths: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The length of another text that is nearest to each one's, the shorter of two."""
    values, place = np.unique(lengths, return_inverse=True)
    times = np.bincount(place, counts)
    below = np.where(np.arange(len(values)) > 0, np.roll(values, 1).astype(float), -np.inf)
    above = np.where(np.arange(len(values)) < len(values) - 1, np.roll(values, -1).astype(float), np.inf)
    beside = np.where(values - below <= above - values, below, above)
    found = np.where(times > 1, values, beside)[place]
    return np.asarray(found, np.float64)
