"""One JSON value of a text, each part with the text it was written as; lenient where Spark is: 'single quotes'.

Reads one value and leaves what follows it alone, as Spark does of a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None}
_NOT_FINITE = re.compile(r"NaN|[+-]?Infinity|[+-]?INF")
_SINGLE = re.compile(r"'((?:[^'\\\x00-\x1f]|\\.)*)'")
_ENDS = frozenset(" \t\n\r,]}:")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written."""

    text: str

    @property
    def is_whole(self) -> bool:
        """Whether it was written without a point or an exponent."""
        return self.text.lstrip("-").isdigit()


@dataclass(frozen=True, slots=True)
class Part:
    """A value and its text: None, bool, str, Number, a list of parts or a dict of them."""

    value: Any
    text: str


def parse(text: str) -> Part:
    """The first value of a text. Raises ValueError where there is none."""
    return _value(text, _skip(text, 0))[0]


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _value(text: str, place: int) -> tuple[Part, int]:
    readers: dict[str, Callable[[str, int], tuple[Any, int]]] = {
        "{": _object,
        "[": _array,
        '"': lambda t, p: scanstring(t, p + 1, True),
        "'": _single_quoted,
    }
    value, end = readers.get(text[place : place + 1], _bare)(text, place)
    return Part(value, text[place:end]), end


def _bare(text: str, place: int) -> tuple[Any, int]:
    for word, value in _WORDS.items():
        if text.startswith(word, place):
            return value, _ended(text, place + len(word))
    for pattern in (_NOT_FINITE, _NUMBER):
        match = pattern.match(text, place)
        if match:
            return Number(match.group()), _ended(text, match.end())
    raise ValueError(f"no JSON value at {place}")


def _ended(text: str, place: int) -> int:
    if place < len(text) and text[place] not in _ENDS:
        raise ValueError(f"{text[place]!r} was not expected at {place}")
    return place


def _single_quoted(text: str, place: int) -> tuple[str, int]:
    match = _SINGLE.match(text, place)
    if match is None:
        raise ValueError(f"a string that opens at {place} has no end")
    inner = re.sub(r"\\'|(?<!\\)\"", lambda sign: {"\\'": "'"}.get(sign.group(), '\\"'), match.group(1))
    return str(json.loads(f'"{inner}"')), match.end()


def _object(text: str, place: int) -> tuple[dict[str, Part], int]:
    members: dict[str, Part] = {}
    place = _skip(text, place + 1)
    if text.startswith("}", place):
        return members, place + 1
    while True:
        name, place = _value(text, place)
        if not isinstance(name.value, str):
            raise ValueError("a name is not a string")  # noqa: TRY004 - the text is wrong, not a type
        place = _sign(text, place, ":")
        members[name.value], place = _value(text, place)
        place = _skip(text, place)
        if text.startswith("}", place):
            return members, place + 1
        place = _sign(text, place, ",")


def _array(text: str, place: int) -> tuple[list[Part], int]:
    items: list[Part] = []
    place = _skip(text, place + 1)
    if text.startswith("]", place):
        return items, place + 1
    while True:
        item, place = _value(text, place)
        items.append(item)
        place = _skip(text, place)
        if text.startswith("]", place):
            return items, place + 1
        place = _sign(text, place, ",")


def _sign(text: str, place: int, sign: str) -> int:
    place = _skip(text, place)
    if not text.startswith(sign, place):
        raise ValueError(f"{sign!r} was expected at {place}")
    return _skip(text, place + 1)
