"""Texts written in one way: HTML away, one Unicode form, no control characters, plain whitespace; in Arrow arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pyarrow as pa

from genspark.columns.texts.c4 import page_of
from genspark.columns.texts.html import LOOKS_LIKE_HTML, prose

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

CONTROLS = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}\x{AD}\x{200B}\x{2060}\x{FEFF}\x{FFF9}-\x{FFFB}]"
"""Control characters but tab and newline, and those that are there and not seen; joiners, which spell words, stay."""

BLANKS = r"[ \t\x{A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]"


def without_html(texts: pa.Array) -> pa.Array:
    """The texts with tags and entities in them as prose; the others cost one pattern."""
    import pyarrow.compute as pc

    has_html = pc.match_substring_regex(texts, LOOKS_LIKE_HTML).fill_null(False)
    return _where(has_html, texts, prose)


def in_form(texts: pa.Array, form: Form) -> pa.Array:
    """The texts in a normal form of Unicode. Source: Unicode Standard Annex 15."""
    import pyarrow.compute as pc

    return pc.utf8_normalize(texts, form=form)


def without_controls(texts: pa.Array) -> pa.Array:
    """The texts with ends of lines as newlines, and without control characters."""
    import pyarrow.compute as pc

    lines = pc.replace_substring_regex(texts, r"\r\n?|\x{85}|\x{2028}|\x{2029}", "\n")
    return pc.replace_substring_regex(lines, CONTROLS, "")


def with_plain_blanks(texts: pa.Array, *, on_one_line: bool) -> pa.Array:
    """The texts with one blank for a run of them, none at ends of lines, one empty line at most; or on one line."""
    import pyarrow.compute as pc

    if on_one_line:
        return pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, rf"({BLANKS}|[\r\n\x0B\x0C])+", " "))
    for pattern, replacement in ((f"{BLANKS}+", " "), (r" ?\n ?", "\n"), (r"\n{3,}", "\n\n")):
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    return pc.utf8_trim_whitespace(texts)


def with_lines_of_c4(texts: pa.Array) -> pa.Array:
    """The texts with the lines that C4 keeps."""
    return pa.array([None if text is None else page_of(text).text for text in texts.to_pylist()], pa.string())


def _where(mask: pa.Array, texts: pa.Array, change: Callable[[str], str]) -> pa.Array:
    """The texts, those under the mask changed."""
    import pyarrow.compute as pc

    changed = [change(text) for text in texts.filter(mask).to_pylist()]
    return pc.replace_with_mask(texts, mask, pa.array(changed, pa.string())) if changed else texts
