"""`Dialect`, the signs that a csv file is written with, and the patterns of its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from genspark.errors import SourceError
from genspark.sources.options import is_true

_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
}
_NOT_FINITE = {"nanValue": "NaN", "positiveInf": "Infinity", "negativeInf": "-Infinity"}
_UNLESS_GIVEN = {"positiveInf": "Inf", "negativeInf": "-Inf"}
"""What is such a number where the option is left out, and is none where it is given."""
_ESCAPES = {"\\t": "\t", "\\r": "\r", "\\b": "\b", "\\f": "\f", "\\\\": "\\", '\\"': '"', "\\'": "'", "\\u0000": "\0"}

MOST_COUNTED = 64
"""The most fields that a pattern counts; the fields of wider records are counted separately."""


@dataclass(frozen=True)
class Dialect:
    """The signs of a csv file: single characters; an empty `quote` or `comment` means that there is none.

    A value that begins with the quote ends with it, and inside it a quote is doubled or escaped. `escape` is
    the quote itself where quotes can only be doubled. In any other value quotes and escapes are plain characters.
    `spelt` are words for numbers that are not finite, each with the one that is read.
    """

    sep: str = ","
    quote: str = '"'
    escape: str = '"'
    comment: str = ""
    null: str = ""
    encoding: str = "utf-8"
    header: bool = True
    multi_line: bool = False
    spelt: tuple[tuple[str, str], ...] = ()

    @property
    def escapes(self) -> bool:
        """Whether quotes are escaped by a sign other than the quote."""
        return bool(self.quote) and self.escape != self.quote

    def simple_record(self, width: int) -> str:
        """A pattern of the records that every csv library reads alike: values bare or in quotes, quotes inside doubled.

        They have `width` fields, or any number of fields where `width` is more than `MOST_COUNTED`.
        """
        sep, quote, escape = (_literal(sign) for sign in (self.sep, self.quote, self.escape))
        inside = f"[^{quote}{escape}]" if self.escapes else f"[^{quote}]"
        value = f"(?:{quote}(?:{inside}|{quote}{quote})*{quote}|[^{sep}{quote}]*)"
        return _record(value, sep, width)

    def record(self, width: int) -> str:
        """A pattern of all well-formed records; `width` is as in `simple_record`."""
        return _record(self._value, _literal(self.sep), width)

    @property
    def quoted_value(self) -> str:
        """A pattern of a quoted value inside a simple record."""
        quote = _literal(self.quote)
        return f"(?s){quote}(?:[^{quote}]|{quote}{quote})*{quote}"

    @property
    def field(self) -> str:
        """A pattern of a field of a well-formed record, with the separator before it."""
        return f"(?s){_literal(self.sep)}{self._value}"

    @property
    def escaped(self) -> str:
        """A pattern of a doubled or escaped sign inside a quoted value; its group is the sign itself."""
        signs = f"[{_literal(self.quote)}{_literal(self.escape)}]"
        return f"{signs}({signs})"

    @property
    def escaped_sign(self) -> str:
        """A pattern of an escape and the sign after it; empty where quotes can only be doubled."""
        return f"(?s){_literal(self.escape)}." if self.escapes else ""

    @cached_property
    def _value(self) -> str:
        sep, quote, escape = (_literal(sign) for sign in (self.sep, self.quote, self.escape))
        if not quote:
            return f"[^{sep}]*"
        quoted = f"[^{quote}{escape}]|{quote}{quote}|{escape}." if self.escapes else f"[^{quote}]|{quote}{quote}"
        return f"(?:{quote}(?:{quoted})*{quote}|[^{sep}{quote}][^{sep}]*|)"


def dialect(options: Mapping[str, str]) -> Dialect:
    """The dialect that a csv source's options describe. Raises SourceError for a sign that is not one character."""
    quote = _sign(options, "quote", '"').strip("\0")
    return Dialect(
        sep=_sign(options, "sep", _sign(options, "delimiter", ",")) or ",",
        quote=quote,
        escape=_sign(options, "escape", quote).strip("\0") or quote,
        comment=_sign(options, "comment", "").strip("\0"),
        null=options.get("nullValue", ""),
        encoding=_encoding(options),
        header=is_true(options, "header"),
        multi_line=is_true(options, "multiLine"),
        spelt=_spelt(options),
    )


def _spelt(options: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    no_more = {text: f"not {text}" for name, text in _UNLESS_GIVEN.items() if name in options}
    return tuple({**no_more, **{options[name]: read for name, read in _NOT_FINITE.items() if name in options}}.items())


def _record(value: str, sep: str, width: int) -> str:
    """A pattern of records of `width` values, or of any number where that is more than `MOST_COUNTED`."""
    # A dot, and a negated class, take line ends too: a record of several lines is one text.
    count = f"{{{width - 1}}}" if width <= MOST_COUNTED else "*"
    return f"(?s)^{value}(?:{sep}{value}){count}$"


def _literal(sign: str) -> str:
    """A pattern of a sign, which is valid inside of brackets too."""
    return f"\\x{{{ord(sign):x}}}" if sign else ""


def _sign(options: Mapping[str, str], name: str, default: str) -> str:
    text = options.get(name)
    if text is None:
        return default
    sign = _ESCAPES.get(text, text)
    if len(sign.encode()) > 1:
        raise SourceError(
            f"source.options.{name}: {text!r} is not one plain character; `engine: spark` reads separators of several"
        )
    return sign


def _encoding(options: Mapping[str, str]) -> str:
    name = options.get("encoding", options.get("charset", "utf-8"))
    known = _ENCODINGS.get(name.lower())
    if known is None:
        raise SourceError(
            f"source.options.encoding: {name!r} is not read without Spark (known: {', '.join(_ENCODINGS)}); "
            "`engine: spark` reads it"
        )
    return known
