"""Measures of a text by which Gopher's rules judge it.

Source: J. Rae et al., "Scaling Language Models: Methods, Analysis & Insights from Training Gopher", 2021, appendix
A.1.1 and table A1. Words are what stands between whitespace, which the paper leaves open.
"""

from __future__ import annotations

import functools
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

STOP_WORDS = frozenset(["the", "be", "to", "of", "and", "that", "have", "with"])
_ELLIPSES = ("...", "…")
_BULLETS = ("•", "-")
_SIGNS = frozenset(string.punctuation + "–—…“”„‘’«»•¡¿、。，．：；？！（）「」【】《》")  # noqa: RUF001
_PARAGRAPHS, _LINES = re.compile(r"\n{2,}"), re.compile(r"\n+")


class Repeated(NamedTuple):
    """Of some parts of a text: how many there are, how many were there before, and the characters of those."""

    parts: int
    again: int
    characters: int

    @classmethod
    def of(cls, parts: Sequence[str]) -> Repeated:
        """What is repeated among parts."""
        counted = Counter(parts)
        characters = sum((times - 1) * len(part) for part, times in counted.items())
        return cls(len(parts), len(parts) - len(counted), characters)


class Words:
    """A text cut into words, lines and paragraphs, each once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = text.split()
        self.spelled = [word for word in self.words if not _SIGNS.issuperset(word)]
        self.lines = text.splitlines()

    @functools.cached_property
    def repeated_lines(self) -> Repeated:
        """Lines, where empty ones between them do not count."""
        return Repeated.of(_LINES.split(self.text))

    @functools.cached_property
    def repeated_paragraphs(self) -> Repeated:
        """What empty lines part."""
        return Repeated.of(_PARAGRAPHS.split(self.text.strip()))


def _share(number: float, of: int) -> float:
    """A share of a whole; of nothing, 0."""
    return number / of if of else 0.0


def _bullet_lines(of: Words) -> float:
    return _share(sum(line.lstrip().startswith(_BULLETS) for line in of.lines), len(of.lines))


def _ellipsis_lines(of: Words) -> float:
    return _share(sum(line.rstrip().endswith(_ELLIPSES) for line in of.lines), len(of.lines))


def _alphabetic_words(of: Words) -> float:
    return _share(sum(any(map(str.isalpha, word)) for word in of.words), len(of.words))


QUALITY: dict[str, Callable[[Words], float]] = {
    "words": lambda of: float(len(of.spelled)),
    "mean_word_length": lambda of: _share(sum(map(len, of.spelled)), len(of.spelled)),
    "hashes_per_word": lambda of: _share(of.text.count("#"), len(of.words)),
    "ellipses_per_word": lambda of: _share(sum(map(of.text.count, _ELLIPSES)), len(of.words)),
    "bullet_lines": _bullet_lines,
    "ellipsis_lines": _ellipsis_lines,
    "alphabetic_words": _alphabetic_words,
    "stop_words": lambda of: float(len(STOP_WORDS.intersection(of.words))),
}
"""Of words that are no bare punctuation: how many, and their mean length. The others are shares and counts of all."""


def _top(n: int) -> Callable[[Words], float]:
    """The share of the characters in the most frequent n-gram, the first of those that tie."""

    def measure(of: Words) -> float:
        counted = Counter(zip(*(of.words[at:] for at in range(n)), strict=False))
        if not counted:
            return 0.0
        words, times = counted.most_common(1)[0]
        return _share(times * (sum(map(len, words)) + n - 1), len(of.text))

    return measure


def _duplicated(n: int) -> Callable[[Words], float]:
    """The share of the characters in n-grams that were there before, no character counted twice."""

    def measure(of: Words) -> float:
        grams = list(zip(*(of.words[at:] for at in range(n)), strict=False))
        seen: set[tuple[str, ...]] = set()
        at = characters = 0
        while at < len(grams):
            if grams[at] in seen:
                characters += sum(map(len, grams[at]))
                at += n
            else:
                seen.add(grams[at])
                at += 1
        return _share(characters, len(of.text))

    return measure


REPETITION: dict[str, Callable[[Words], float]] = {
    "duplicate_lines": lambda of: _share(of.repeated_lines.again, of.repeated_lines.parts),
    "duplicate_paragraphs": lambda of: _share(of.repeated_paragraphs.again, of.repeated_paragraphs.parts),
    "duplicate_line_characters": lambda of: _share(of.repeated_lines.characters, len(of.text)),
    "duplicate_paragraph_characters": lambda of: _share(of.repeated_paragraphs.characters, len(of.text)),
    **{f"top_{n}_gram": _top(n) for n in (2, 3, 4)},
    **{f"duplicate_{n}_grams": _duplicated(n) for n in range(5, 11)},
}
"""Shares of lines, paragraphs and characters that repeat."""
