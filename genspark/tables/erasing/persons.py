"""Persons by their keys: which rows are theirs, and where a text tells of them."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import polars as pl

from genspark.sinks.names import TEXT

SHORTEST_IN_TEXT = 4
"""A key of fewer characters, or a number, is looked for in its own column alone: texts are full of such."""


@dataclass(frozen=True)
class Persons:
    """Column -> the values, as text, by which persons are known there; pseudonyms are among them."""

    keys: Mapping[str, tuple[str, ...]]

    def columns(self, names: Iterable[str]) -> list[str]:
        """Those of the columns that hold keys."""
        return [name for name in names if name in self.keys]

    def rows(self, schema: Mapping[str, Any]) -> pl.Expr:
        """Whether a row is a person's; of a record that could not be read, whether its text has a key as a word."""
        found = [_equals(name, schema[name], values) for name, values in self.keys.items() if name in schema]
        if TEXT in schema and schema[TEXT] == pl.String:
            found.append(pl.col(TEXT).str.contains(_in_text(v for values in self.keys.values() for v in values)))
        return pl.any_horizontal(*found).fill_null(False) if found else pl.lit(False)

    @functools.cached_property
    def texts(self) -> list[str]:
        """The keys that can be looked for in any text."""
        values = {value for values in self.keys.values() for value in values}
        return sorted(v for v in values if len(v) >= SHORTEST_IN_TEXT and not re.fullmatch(r"[\d.+-]+", v))

    @functools.cached_property
    def in_bytes(self) -> re.Pattern[bytes] | None:
        """What finds those keys, as words, as files may write them: as they are, in JSON and in addresses."""
        forms = {
            form for text in self.texts for form in (text, json.dumps(text)[1:-1], quote(text), quote(quote(text)))
        }
        return re.compile(_word("|".join(map(re.escape, sorted(forms)))).encode()) if forms else None

    @functools.cached_property
    def in_text(self) -> str | None:
        """The pattern of those keys as words."""
        return _in_text(self.texts) if self.texts else None

    def are_told(self, value: Any) -> bool:
        """Whether a plain value of JSON tells of one: as the value of a key's column, or in a text."""
        return any(True for _ in self._found(value))

    def _found(self, value: Any) -> Iterator[bool]:
        if isinstance(value, Mapping):
            for name, item in value.items():
                if name in self.keys and not isinstance(item, dict | list) and _text(item) in self.keys[name]:
                    yield True
                yield from self._found(item)
        elif isinstance(value, list):
            for item in value:
                yield from self._found(item)
        elif isinstance(value, str):
            if self.in_text and re.search(self.in_text, value):
                yield True
            elif value[:1] in "{[":
                try:
                    inner = json.loads(value)
                except ValueError:
                    return
                yield from self._found(inner)

    def out_of(self, message: str) -> str:
        """A message without their keys; numbers and short keys are taken out where it names their column."""
        for column, is_anywhere, pattern in self._in_messages:
            if is_anywhere or column in message:
                message = pattern.sub("***", message)
        return message

    @functools.cached_property
    def _in_messages(self) -> list[tuple[str, bool, re.Pattern[str]]]:
        """Of each key its column as messages name it, whether it is looked for in any text, and what finds it."""
        anywhere, found = set(self.texts), []
        for name, values in self.keys.items():
            for value in values:
                forms = "|".join(map(re.escape, sorted(_forms(value), key=len, reverse=True)))
                found.append((repr(name), value in anywhere, re.compile(rf"(?<![\w.])(?:{forms})(?!\w|\.\d)")))
        return found

    def hidden(self, text: str) -> str:
        """A text without their keys, such as a path that has one in it."""
        for form in self.texts:
            text = text.replace(form, "***").replace(quote(form), "***")
        return text


def _forms(value: str) -> set[str]:
    """The ways in which messages write a value."""
    forms = {value, json.dumps(value)[1:-1]}
    for number in _numbers([value]):
        forms |= {str(number), f"{number:g}"}
    return forms


def _in_text(values: Iterable[str]) -> str:
    """The pattern, for RE2, of some values as words."""
    return rf"(?:^|\W)(?:{'|'.join(map(re.escape, values))})(?:\W|$)"


def _word(pattern: str) -> str:
    return rf"(?<![A-Za-z0-9_])(?:{pattern})(?![A-Za-z0-9_])"


def _equals(name: str, dtype: Any, values: Iterable[str]) -> pl.Expr:
    if dtype.is_numeric():
        return pl.col(name).cast(pl.Float64).is_in(_numbers(values)) if dtype.is_float() else _whole(name, values)
    return pl.col(name).cast(pl.String).is_in(list(values))


def _whole(name: str, values: Iterable[str]) -> pl.Expr:
    whole = [int(value) for value in values if re.fullmatch(r"[+-]?\d+", value)]
    return pl.any_horizontal(*(pl.col(name) == value for value in whole)) if whole else pl.lit(False)


def _numbers(values: Iterable[str]) -> list[float]:
    found = []
    for value in values:
        try:
            found.append(float(value))
        except ValueError:
            continue
    return found


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
