"""The published rules by their names: what each measures, and between which bounds it is to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from genspark.columns.kernels import Kernel
from genspark.columns.texts.c4 import page_of
from genspark.columns.texts.gopher import QUALITY, REPETITION, Words
from genspark.steps.bounds import Range

Family = Literal["gopher", "gopher_repetition", "c4"]


@dataclass(frozen=True)
class Published:
    """A rule of a family, with the bounds of its paper, both allowed."""

    family: Family
    bounds: Range


PUBLISHED: dict[str, Published] = {
    "words": Published("gopher", (50, 100_000)),
    "mean_word_length": Published("gopher", (3, 10)),
    "hashes_per_word": Published("gopher", (None, 0.1)),
    "ellipses_per_word": Published("gopher", (None, 0.1)),
    "bullet_lines": Published("gopher", (None, 0.9)),
    "ellipsis_lines": Published("gopher", (None, 0.3)),
    "alphabetic_words": Published("gopher", (0.8, None)),
    "stop_words": Published("gopher", (2, None)),
    "duplicate_lines": Published("gopher_repetition", (None, 0.3)),
    "duplicate_paragraphs": Published("gopher_repetition", (None, 0.3)),
    "duplicate_line_characters": Published("gopher_repetition", (None, 0.2)),
    "duplicate_paragraph_characters": Published("gopher_repetition", (None, 0.2)),
    "top_2_gram": Published("gopher_repetition", (None, 0.2)),
    "top_3_gram": Published("gopher_repetition", (None, 0.18)),
    "top_4_gram": Published("gopher_repetition", (None, 0.16)),
    "duplicate_5_grams": Published("gopher_repetition", (None, 0.15)),
    "duplicate_6_grams": Published("gopher_repetition", (None, 0.14)),
    "duplicate_7_grams": Published("gopher_repetition", (None, 0.13)),
    "duplicate_8_grams": Published("gopher_repetition", (None, 0.12)),
    "duplicate_9_grams": Published("gopher_repetition", (None, 0.11)),
    "duplicate_10_grams": Published("gopher_repetition", (None, 0.1)),
    "sentences": Published("c4", (5, None)),
    "lorem_ipsum": Published("c4", (None, 0)),
    "curly_brackets": Published("c4", (None, 0)),
}

_OF_WORDS: dict[str, Callable[[Words], float]] = {**QUALITY, **REPETITION}


def measuring(column: str, rules: Sequence[str], outputs: Sequence[str]) -> Kernel:
    """The kernel of the measures of texts, one for each rule, null for null."""

    def measure(arrays: Sequence[pa.Array]) -> list[pa.Array]:
        rows = [_measured(text, rules) for text in arrays[0].to_pylist()]
        columns = zip(*rows, strict=True) if rows else [()] * len(rules)
        return [pa.array(column, pa.float64()) for column in columns]

    return Kernel((column,), dict.fromkeys(outputs, pa.float64()), measure)


def _measured(text: str | None, rules: Sequence[str]) -> list[float | None]:
    if text is None:
        return [None] * len(rules)
    words = Words(text)
    page = page_of(text) if any(rule not in _OF_WORDS for rule in rules) else None
    return [_OF_WORDS[rule](words) if rule in _OF_WORDS else float(getattr(page, rule)) for rule in rules]
