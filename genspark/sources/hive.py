"""Convert the values of Hive folders such as `day=2026-01-31/`: a column is text unless all fit a narrower type."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from genspark.errors import SourceError
from genspark.sources.parsing import values
from genspark.storage.hive import NULL_FOLDER

_NUMBERS: tuple[pl.DataType, ...] = (pl.Int32(), pl.Int64(), pl.Float64())


def typed(texts: Sequence[Mapping[str, str]], given: Mapping[str, pl.DataType]) -> list[dict[str, Any]]:
    """Convert each file's folder values; a column has its type in `given`, or the narrowest that all its texts fit.

    Raises SourceError for a value that is not of the given type.
    """
    names = list(texts[0]) if texts else []
    types = {name: given.get(name) or _common([text[name] for text in texts]) for name in names}
    return [{name: _value(name, text[name], types[name]) for name in names} for text in texts]


def types_of(constants: Sequence[Mapping[str, Any]], given: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """Find the types of the values that `typed` returned."""
    types: dict[str, pl.DataType] = {}
    for name in constants[0] if constants else ():
        column = [constant[name] for constant in constants]
        types[name] = given.get(name) or _dtype(column)
    return types


def _dtype(column: list[Any]) -> pl.DataType:
    present = [value for value in column if value is not None]
    if present and all(type(value) is int for value in present):
        fits = all(-(2**31) <= value < 2**31 for value in present)
        return pl.Int32() if fits else pl.Int64()
    kinds: dict[type, pl.DataType] = {
        float: pl.Float64(),
        dt.date: pl.Date(),
        dt.datetime: pl.Datetime("us", "UTC"),
    }
    return kinds.get(type(present[0]), pl.String()) if present else pl.String()


def _common(texts: Sequence[str]) -> pl.DataType:
    """The narrowest type that holds all texts: the widest of numbers, and text for a mixture."""
    kinds = {_kind(text) for text in texts if text != NULL_FOLDER}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds and kinds <= set(_NUMBERS):
        return max(kinds, key=_NUMBERS.index)
    return pl.String()


def _kind(text: str) -> pl.DataType:
    """The narrowest type that holds a text."""
    tests: list[tuple[str, pl.DataType]] = [
        (r"[+-]?\d+", pl.Int32()),
        (r"[+-]?\d+", pl.Int64()),
        (r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", pl.Float64()),
        (r"\d{4}-\d{2}-\d{2}", pl.Date()),
        (r"\d{4}-\d{2}-\d{2}[ T].*", pl.Datetime("us", "UTC")),
    ]
    for pattern, dtype in tests:
        if re.fullmatch(pattern, text, re.ASCII) and values.parser(dtype)(text) is not None:
            return dtype
    return pl.String()


def _value(name: str, text: str, dtype: pl.DataType) -> Any:
    if text == NULL_FOLDER:
        return None
    parse: Callable[[str], Any] = values.parser(dtype)
    value = parse(text)
    if value is None:
        raise SourceError(f"source.path: the folder {name}={text} is not of the type that source.schema gives {name!r}")
    return value
