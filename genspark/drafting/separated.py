"""How csv is written: encoding, comments, separator and header, told by the first lines of a file."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from genspark.errors import ShardError, SourceError, first_line
from genspark.sources.codecs import open_unpacked
from genspark.sources.format import UNREADABLE
from genspark.sources.places import PLACE

_LOOKED_AT = 1 << 20
_LINES = 100
_SEPARATORS = ",;\t|"
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([ T].*)?|\d\d?[/.]\d\d?[/.]\d{2,4}( .*)?")
_NO_NAMES = frozenset(("na", "n/a", "null", "none", "?", "-", "nan", "inf", "-inf"))
"""Words that stand for a value and name no column."""
_MOSTLY = 0.9


def csv_options(path: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The options by which a file of csv is read, and what a person should know of them.

    Raises ShardError where it cannot be unpacked, and SourceError where it is no text, or UTF-16.
    """
    text, encoding = _text(path)
    lines = [line for line in io.StringIO(text) if line.strip()][:_LINES]
    options: dict[str, Any] = {}
    notes = []
    separator = _separator(lines)
    if _is_comment(lines, separator):
        options["comment"] = "#"
        notes.append("lines that begin with # are comments")
        lines = [line for line in lines if not line.startswith("#")]
        separator = _separator(lines)
    rows = list(csv.reader(lines, delimiter=separator))
    has_header = bool(rows) and _has_header(rows[0], rows[1:])
    if has_header and _is_index(rows):
        notes.append("the first column has no name and counts the rows, as pandas' index does: it is read as _c0")
    if encoding != "utf-8":
        options["encoding"] = encoding
        notes.append(f"not UTF-8: its bytes are read as {encoding}; look whether letters with accents are right")
    signs = {} if separator == "," else {"sep": separator}
    return {"header": has_header, **signs, **options}, tuple(notes)


def _text(path: str) -> tuple[str, str]:
    """The first lines of a file, and their encoding."""
    try:
        with open_unpacked(path) as file:
            data = bytes(file.read(_LOOKED_AT)).removeprefix(_BOM)
    except UNREADABLE as error:
        remedy = "restore the file, or leave it out of the path"
        raise ShardError({path: f"cannot be read ({first_line(error)})"}, remedy) from error
    if data.startswith(_UTF_16) or data.count(0) > len(data) // 4:
        raise SourceError(f"{PLACE}: {path} is UTF-16, which is not read; convert it: iconv -f UTF-16 -t UTF-8")
    # A letter may be cut in two at the end.
    whole = data[: data.rfind(b"\n") + 1] if len(data) == _LOOKED_AT else data
    try:
        return whole.decode(), "utf-8"
    except UnicodeDecodeError:
        pass
    if len(_CONTROL.findall(whole)) > len(whole) // 50:
        raise SourceError(f"{PLACE}: {path} is no text, but bytes that no encoding reads; check that it holds csv")
    # Bytes that Latin-1 has for signs that nobody writes are letters and quotes on Windows.
    encoding = "windows-1252" if re.search(rb"[\x80-\x9f]", whole) else "iso-8859-1"
    return whole.decode("cp1252" if encoding == "windows-1252" else encoding, "replace"), encoding


def _is_comment(lines: Sequence[str], separator: str) -> bool:
    """Whether lines that begin with # are no records: the first line does, and is other than the rest."""
    others = [line for line in lines if not line.startswith("#")]
    if not others or not lines[0].startswith("#"):
        return False
    # A header may begin with the sign, too: it has as many names as records have values.
    return others[0].count(separator) == 0 or lines[0].count(separator) != others[0].count(separator)


def _separator(lines: Sequence[str]) -> str:
    """The sign by which most lines have as many fields as each other."""

    def alike(sign: str) -> int:
        widths = Counter(len(row) for line in lines for row in csv.reader([line], delimiter=sign))
        return max((count for width, count in widths.items() if width > 1), default=0)

    best = max(_SEPARATORS, key=alike)
    return best if alike(best) or not _are_numbers_apart(lines) else " "


def _are_numbers_apart(lines: Sequence[str]) -> bool:
    """Whether each line has as many numbers, one blank between two."""
    fields = [line.split(" ") for line in map(str.rstrip, lines)]
    values = [field for row in fields[1:] for field in row]
    return len({len(row) for row in fields}) == 1 and len(fields[0]) > 1 and _are_values(values)


def _has_header(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns: it is of words where values of another kind stand below.

    Where none do, it is of distinct words that do not come again, or has years above what are no years.
    """
    below = [[row[at].strip() for row in rows if len(row) == len(names)] for at in range(len(names))]
    heads = [name.strip() for name in names]
    pairs = [(head, [value for value in values if value]) for head, values in zip(heads, below, strict=True)]
    words = [head for head in heads if head and not _is_value(head)]
    if any(head and not _is_value(head) and _are_values(values) for head, values in pairs):
        return True
    if not heads[0] and _counts(below[0]):
        return True
    comes_again = any(head in values for head, values in pairs if head and not _is_value(head))
    if comes_again or len(set(words)) < len(words):
        return False
    if len(words) == len(heads):
        return True
    years = [(head, values) for head, values in pairs if _is_value(head)]
    return len(years) > 1 and all(_is_year(head) and not any(map(_is_year, values)) for head, values in years)


def _is_index(rows: Sequence[Sequence[str]]) -> bool:
    return not rows[0][0].strip() and _counts([row[0] for row in rows[1:] if row])


def _counts(values: Sequence[str]) -> bool:
    """Whether values are whole numbers that rise."""
    if not values or not all(re.fullmatch(r"\d{1,18}", value) for value in values):
        return False
    numbers = [int(value) for value in values]
    return all(one < other for one, other in itertools.pairwise(numbers))


def _are_values(texts: Sequence[str]) -> bool:
    return bool(texts) and sum(map(_is_value, texts)) >= _MOSTLY * len(texts)


def _is_year(text: str) -> bool:
    return bool(re.fullmatch(r"1[89]\d\d|2[01]\d\d", text))


def _is_value(text: str) -> bool:
    """Whether a text is a number, a date, or a word for one that is missing, and so names no column."""
    if text.lower() in _NO_NAMES or _DATE.fullmatch(text):
        return True
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
