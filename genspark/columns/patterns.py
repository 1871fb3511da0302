"""Patterns of text, matched by RE2 on every engine: engines' own regular expressions differ, and some explode."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from genspark.columns.kernels import Kernel
from genspark.columns.sql import Pattern


def matching(patterns: Sequence[Pattern]) -> list[Kernel]:
    """The kernel of the hidden Boolean columns that tell whether texts fit the patterns, null for null; or none."""
    if not patterns:
        return []
    columns = tuple(dict.fromkeys(pattern.column for pattern in patterns))

    def match(arrays: Sequence[pa.Array]) -> list[pa.Array]:
        # Texts that are equal are matched once.
        distinct = {name: array.dictionary_encode() for name, array in zip(columns, arrays, strict=True)}
        return [_fits(distinct[pattern.column], pattern) for pattern in patterns]

    return [Kernel(columns, {pattern.output: pa.bool_() for pattern in patterns}, match)]


def _fits(texts: pa.DictionaryArray, pattern: Pattern) -> pa.Array:
    import pyarrow.compute as pc

    fits = pc.match_like if pattern.is_like else pc.match_substring_regex
    return fits(texts.dictionary, pattern.pattern).take(texts.indices)
