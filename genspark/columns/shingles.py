"""Shingles of texts, MinHash signatures of them and their bands, in NumPy over whole batches: no loop over rows.

A shingle is some words or characters in a row, as a 32-bit hash; a text is the set of its shingles. The signature of a
set is, for each of many hash functions, the smallest hash of its members; that two sets agree in one of them is as
probable as their Jaccard similarity. A band is the hash of some of these numbers together: texts of similarity s share
at least one of b bands of r numbers with probability 1 - (1 - s^r)^b.

Source: A. Broder, "On the resemblance and containment of documents", 1997; J. Leskovec, A. Rajaraman, J. Ullman,
"Mining of Massive Datasets", chapter 3.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genspark.columns.hashing import draw_seed, hash_integers

Unit = Literal["words", "characters"]
Numbers = npt.NDArray[Any]

MOST_SHINGLES = 1024
"""Shingles that are kept of a text: the smallest hashes, a uniform sample of the set (its bottom-k sketch)."""
SPACE = 32
_BLOCK = 1 << 14
"""Shingles that are hashed at a time: what fits the processor's own memory."""
_BASE, _WORD_BASE = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93


@dataclass(frozen=True)
class Sets:
    """Sets of shingles, one after another: those of set i are `values[starts[i]:starts[i + 1]]`, sorted and distinct.

    Of a set of more than `MOST_SHINGLES` the smallest are kept.
    """

    values: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1


def shingles(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], unit: Unit, size: int) -> Sets:
    """The sets of texts, of which text i is the UTF-8 of `data[offsets[i]:offsets[i + 1]]`, and none is empty.

    Words are parted by single spaces. A text of fewer than `size` units has one shingle, which is the whole of it.
    """
    data = data[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    starts = offsets[:-1]
    is_start = (data & 0xC0) != 0x80 if unit == "characters" else np.append(True, data[:-1] == SPACE)[: len(data)]
    is_start[starts] = True
    first = np.flatnonzero(is_start)
    # A word ends before its space, and the last of a text at the end of it.
    last = np.append(first[1:], len(data))
    if unit == "words":
        is_last = np.append(is_first_of(first, starts)[1:], True)
        last = last - np.where(is_last, 0, 1)
    units = _mixed(_of_stretches(_TABLE[data], first, last, _BASE))
    counts = np.diff(np.searchsorted(first, offsets))
    grams = np.maximum(counts - size + 1, 1)
    owner = np.repeat(np.arange(len(counts)), grams)
    begin_of = np.concatenate([[0], np.cumsum(counts)[:-1]])
    begin = begin_of[owner] + np.arange(len(owner)) - np.concatenate([[0], np.cumsum(grams)[:-1]])[owner]
    end = np.minimum(begin + size, begin_of[owner] + counts[owner])
    hashed = _mixed(_of_stretches(units, begin, end, _WORD_BASE)) >> np.uint64(32)
    keys = (owner.astype(np.uint64) << np.uint64(32)) | hashed
    keys.sort()
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
    return _limited((keys >> np.uint64(32)).astype(np.int64), keys.astype(np.uint32), len(counts))


def is_first_of(places: Numbers, starts: Numbers) -> npt.NDArray[np.bool_]:
    """Whether each of the sorted places is one of the sorted starts."""
    near = np.minimum(np.searchsorted(starts, places), len(starts) - 1)
    return np.asarray(starts[near] == places)


def _limited(owner: npt.NDArray[np.int64], values: npt.NDArray[np.uint32], texts: int) -> Sets:
    counts = np.bincount(owner, minlength=texts)
    starts = np.concatenate([[0], np.cumsum(counts)])
    if (counts > MOST_SHINGLES).any():
        kept = np.arange(len(owner)) - starts[owner] < MOST_SHINGLES
        return _limited(owner[kept], values[kept], texts)
    return Sets(values, starts)


def signatures(sets: Sets, number: int, seed: int) -> npt.NDArray[np.uint32]:
    """The MinHash signature of each set, which has a member: sets x number."""
    factors, terms = _functions(number, seed)
    found = np.empty((number, len(sets)), np.uint32)
    cuts = [0]
    while cuts[-1] < len(sets):
        near = int(np.searchsorted(sets.starts, sets.starts[cuts[-1]] + _BLOCK, side="right")) - 1
        cuts.append(min(max(near, cuts[-1] + 1), len(sets)))
    for begin, end in itertools.pairwise(cuts):
        low, high = sets.starts[begin], sets.starts[end]
        block, within = sets.values[low:high], sets.starts[begin:end] - low
        hashed = np.empty_like(block)
        for position in range(number):
            np.multiply(block, factors[position], out=hashed)
            hashed += terms[position]
            found[position, begin:end] = np.minimum.reduceat(hashed, within)
    return found.T


def bands(signature: npt.NDArray[np.uint32], number: int) -> npt.NDArray[np.uint64]:
    """The hash of each band of the signatures: number x sets."""
    rows = signature.shape[1] // number
    found = np.empty((number, len(signature)), np.uint64)
    for band in range(number):
        mixed = np.full(len(signature), band + 1, np.uint64)
        for position in range(band * rows, (band + 1) * rows):
            mixed = _mixed(mixed * np.uint64(_BASE) + signature[:, position])
        found[band] = mixed
    return found


def similarities(a: Sets, b: Sets) -> npt.NDArray[np.float64]:
    """The Jaccard similarity of each set of `a` with that of `b` at the same place.

    Where one of the two was cut at `MOST_SHINGLES` it is that of the parts below the lower of the two cuts, which is an
    unbiased estimate with a standard error of at most 1.6 %.
    """
    owner_a, owner_b = (np.repeat(np.arange(len(sets)), np.diff(sets.starts)) for sets in (a, b))
    values_a, values_b = a.values, b.values
    most = np.minimum(_limits(a), _limits(b))
    if (most < np.iinfo(np.uint32).max).any():
        kept_a, kept_b = values_a <= most[owner_a], values_b <= most[owner_b]
        owner_a, values_a, owner_b, values_b = owner_a[kept_a], values_a[kept_a], owner_b[kept_b], values_b[kept_b]
    owners, values = np.concatenate([owner_a, owner_b]), np.concatenate([values_a, values_b])
    keys = (owners.astype(np.uint64) << np.uint64(32)) | values
    keys.sort()
    shared = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
    both = np.bincount(shared.astype(np.int64), minlength=len(a))
    union = np.bincount(owners, minlength=len(a)) - both
    return np.asarray(both / np.maximum(union, 1))


def _limits(sets: Sets) -> npt.NDArray[np.uint32]:
    """The largest member of the sets that were cut, and the largest number for the others."""
    limits = np.full(len(sets), np.iinfo(np.uint32).max, np.uint32)
    is_cut = np.diff(sets.starts) >= MOST_SHINGLES
    limits[is_cut] = sets.values[sets.starts[1:][is_cut] - 1]
    return limits


def _functions(number: int, seed: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """The factors, which are odd, and terms of the hash functions x -> factor x + term modulo 2^32."""
    drawn = hash_integers(np.arange(2 * number), draw_seed(seed, "minhash")) >> np.uint64(32)
    return drawn[:number].astype(np.uint32) | np.uint32(1), drawn[number:].astype(np.uint32)


def _of_stretches(values: Numbers, first: Numbers, last: Numbers, base: int) -> npt.NDArray[np.uint64]:
    """The polynomial hash, modulo 2^64, of each stretch of the values from `first` up to `last`."""
    inverse = pow(base, -1, 1 << 64)
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values * _powers(base, len(values)), out=sums[1:])
    return np.asarray((sums[last] - sums[first]) * _powers(inverse, len(values) + 1)[first])


def _powers(base: int, number: int) -> npt.NDArray[np.uint64]:
    """The first powers of a base: kept, since every block needs them."""
    known = _known_powers.get(base)
    if known is None or len(known) < number:
        powers = np.full(2 * number + 1, base, np.uint64)
        powers[0] = 1
        known = _known_powers[base] = np.cumprod(powers)
    return known[:number]


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_known_powers: dict[int, npt.NDArray[np.uint64]] = {}
_TABLE = hash_integers(np.arange(256), draw_seed(0, "shingles"))
"""A random number for each byte."""
