"""Names of columns: the check that every engine can work with them, and the rules of `rename`."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from genspark.errors import SchemaError

ID_COLUMN, FILE_COLUMN, RECORD_COLUMN = "_row_id", "_source_file", "_source_row"
"""The columns of a table that say which row each is: the hash of its key, the URI of its file, its record there."""


def check_names(columns: Iterable[str]) -> None:
    """Raise SchemaError for names that an engine would misread; every other name works on every engine."""
    problems = [problem for column in columns if (problem := why_not_a_name(column))]
    if problems:
        raise SchemaError(problems)


def why_not_a_name(column: str) -> str | None:
    """The fault of a name that engines cannot take, with the remedy; None for a name that works."""
    if not column:
        return "a column has no name; give it one in the source"
    if column == "*" or (column.startswith("^") and column.endswith("$")):
        return f"column {column!r}: Polars takes this name for a pattern of many columns; rename it in the source"
    return None


def snake_case(name: str) -> str:
    """Turn `Trip Distance (km)` and `tripDistanceKm` into trip_distance_km; letters of any script and underscores stay.

    Empty where the name has no letter, digit or underscore.
    """
    composed = unicodedata.normalize("NFC", name)
    words = re.sub(r"\W+", "_", re.sub(r"^\W+|\W+$", "", composed))
    return "".join(f"_{sign}" if _begins_word(words, at) else sign for at, sign in enumerate(words)).lower()


def _begins_word(text: str, at: int) -> bool:
    """Whether a capital inside a name begins a word: tripDistance, HTTPServer."""
    before, sign, after = text[at - 1 : at], text[at], text[at + 1 : at + 2]
    return sign.isupper() and before not in ("", "_") and (not before.isupper() or after.islower())


RULES: Mapping[str, Callable[[str], str]] = {"snake_case": snake_case, "lower": str.lower, "strip": str.strip}


def twins(columns: Iterable[str]) -> list[tuple[str, str]]:
    """(earlier, later) pairs of names that differ only in case."""
    first: dict[str, str] = {}
    return [(first[low], name) for name in columns if first.setdefault(low := name.lower(), name) != name]


def distinct(name: str, taken: set[str]) -> str:
    """The name, with the first number added that makes it free where it is taken; `taken` is in lower case."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], numbered) if one.lower() not in taken)
