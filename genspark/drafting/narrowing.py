"""Columns of text that are numbers but for a few words: how these are read, so that the numbers are numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from genspark.sources.formats.csv.types import NOTHING, widened
from genspark.sources.parsing.columns import converted
from genspark.sources.parsing.values import double

NEARLY = 0.95
"""The share of texts that must read as numbers for the column to be of numbers."""
_LEAST = 20
_MISSING = ("NA", "N/A", "n/a", "na", "#N/A", "NULL", "null", "None", "none", "nil", "missing", "-", "?")
_NOT_FINITE = {
    "nanValue": ("nan", "+nan", "-nan"),
    "positiveInf": ("inf", "+inf", "infinity", "+infinity"),
    "negativeInf": ("-inf", "-infinity"),
}
CODE = r"^[+-]?0\d"
"""Digits that begin with 0."""
_WRITTEN = r"^[-+(]?[$€£¥]? ?[-+]?(\d{1,3}([.,']\d{3})+([.,]\d+)?|\d+([.,]\d+)?) ?[$€£¥%]?\)?$"
"""Numbers with signs of currency, decimal commas or signs between thousands, which are not read as numbers."""


def words_of(texts: Mapping[str, pl.Series]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Options of csv for the words among numbers that stand for no number or one that is not finite, and why."""
    near = {name: _there(values) for name, values in texts.items()}
    near = {name: values for name, values in near.items() if _is_nearly(values)}
    words = Counter[str]()
    for values in near.values():
        words.update(dict(values.filter(~values.str.contains(r"\d")).value_counts().iter_rows()))
    options, notes = {}, []

    def rank(word: str) -> tuple[int, str]:
        # Of words that are as frequent always the same one.
        return words[word], word

    for option, spellings in _NOT_FINITE.items():
        spelt = [word for word in words if word.lower() in spellings and double(word) is None]
        if spelt:
            options[option] = max(spelt, key=rank)
            notes.append(f"{options[option]!r} is read as the number that is meant")
    missing = [word for word in words if word in _MISSING]
    if missing:
        word = options["nullValue"] = max(missing, key=rank)
        among = ", ".join(name for name, values in near.items() if (values == word).any())
        notes.append(f"{word!r} stands among the numbers of {among}: it is read as missing, in every column")
    return options, tuple(notes)


def numbers_of(texts: Mapping[str, pl.Series]) -> tuple[dict[str, pl.DataType], tuple[str, ...]]:
    """The columns of text that are to be numbers, with their type, and what is to be known of them and of others.

    A column is where at least 95 % of its texts read as numbers and no other has a digit in it, as codes have.
    """
    types, notes = {}, []
    for name, given in texts.items():
        values = _there(given)
        is_nearly = _is_nearly(values)
        found = _type(values) if is_nearly else None
        if found is None:
            if not is_nearly and len(values) and values.str.contains(_WRITTEN).mean() >= NEARLY:  # type: ignore[operator]
                notes.append(f"{name} is left as text: its numbers are written as {values[0]}; write them as 1234.5")
            continue
        types[name], bad = found
        if bad is None:
            notes.append(f"{name}: all of the first {len(values):,} are numbers; later words go to the quarantine")
        else:
            word, share = values.filter(bad)[0], 1.0 - float(bad.mean() or 0.0)  # type: ignore[arg-type]
            notes.append(f"{name}: {share:.1%} are numbers; the others, such as {word!r}, go to the quarantine")
    return types, tuple(notes)


def _there(texts: pl.Series) -> pl.Series:
    return texts.filter(texts.is_not_null() & (texts != "")).alias("text")


def _is_nearly(values: pl.Series) -> bool:
    """Whether values are numbers, names of numbers that are not finite among them, but for few and missing ones."""
    rest = values.filter(~values.is_in(_MISSING))
    if len(rest) < _LEAST or rest.str.contains(CODE).any():
        return False
    return float(rest.cast(pl.Float64, strict=False).is_not_null().mean() or 0.0) >= NEARLY  # type: ignore[arg-type]


def _type(values: pl.Series) -> tuple[pl.DataType, pl.Series | None] | None:
    """The type of nearly numbers, and marks of those that are none; None where they are to stay text."""
    bad = converted(values, pl.Float64())[1]
    if bad is not None and (float(bad.mean() or 0.0) > 1.0 - NEARLY or values.filter(bad).str.contains(r"\d").any()):  # type: ignore[arg-type]
        return None
    dtype = widened(NOTHING, values if bad is None else values.filter(~bad)).dtype
    # What comes later may be larger than what was seen.
    return (pl.Int64() if dtype == pl.Int32() else dtype, bad) if dtype.is_numeric() else None
