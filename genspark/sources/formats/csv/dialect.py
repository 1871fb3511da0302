"""How a csv file is written."""

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
_ESCAPES = {"\\t": "\t", "\\r": "\r", "\\b": "\b", "\\f": "\f", "\\\\": "\\", '\\"': '"', "\\'": "'", "\\u0000": "\0"}


MOST_COUNTED = 64


@dataclass(frozen=True)
class Dialect:
    """Signs are single characters; an empty `quote` or `comment` means that there is none."""

    sep: str = ","
    quote: str = '"'
    escape: str = "\\"
    comment: str = ""
    null: str = ""
    encoding: str = "utf-8"
    header: bool = True

    def plain_record(self, width: int) -> str:
        """A pattern of records whose quotes are beyond doubt: around whole values, with none inside.

        They have that many fields, or any number where it is too large for a pattern to count.
        """
        sep, quote, escape = (_literal(sign) for sign in (self.sep, self.quote, self.escape))
        bare = f"[^{sep}{quote}]*"
        inside = f"[^{quote}{escape}]*" if self.escape != self.quote else f"[^{quote}]*"
        value = f"(?:{quote}{inside}{quote}|{bare})"
        count = f"{{{width - 1}}}" if width <= MOST_COUNTED else "*"
        return f"^{value}(?:{sep}{value}){count}$"

    @cached_property
    def quoted_value(self) -> str:
        """A pattern of a quoted value inside such a record."""
        quote = _literal(self.quote)
        return f"{quote}[^{quote}]*{quote}"


def dialect(options: Mapping[str, str]) -> Dialect:
    """What the options of a csv source say. Raises SourceError for a sign that is not one character."""
    return Dialect(
        sep=_sign(options, "sep", _sign(options, "delimiter", ",")) or ",",
        quote=_sign(options, "quote", '"').strip("\0"),
        escape=_escape(options),
        comment=_sign(options, "comment", "").strip("\0"),
        null=options.get("nullValue", ""),
        encoding=_encoding(options),
        header=is_true(options, "header"),
    )


def _literal(sign: str) -> str:
    """A sign as a pattern, inside brackets or not."""
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


def _escape(options: Mapping[str, str]) -> str:
    sign = _sign(options, "escape", "\\").strip("\0")
    if not sign:
        raise SourceError("source.options.escape: an empty sign is not read without Spark; `engine: spark` reads it")
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
