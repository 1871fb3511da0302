"""Texts written in one way: HTML away, one Unicode form, no control characters, plain whitespace; in Arrow arrays."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Literal

import pyarrow as pa

from genspark.columns.texts.c4 import page_of

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

_HIDDEN = {"script", "style", "head", "template", "noscript", "svg", "iframe", "object"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure"),
    *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p"),
    *("pre", "section", "table", "td", "th", "title", "tr", "ul"),
}
_LOOKS_LIKE_HTML = r"</?[A-Za-z!][^<>]*>|&(#[0-9]+|#[xX][0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);"

CONTROLS = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}\x{AD}\x{200B}\x{2060}\x{FEFF}\x{FFF9}-\x{FFFB}]"
"""Control characters but tab and newline, and those that are there and not seen; joiners, which spell words, stay."""

BLANKS = r"[ \t\x{A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]"


class _Prose(HTMLParser):
    """Gathers the text that a reader of a page sees; blocks stand on lines of their own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag == "body":
            self._hidden.clear()
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def prose(page: str) -> str:
    """The text of HTML, without scripts, styles and comments; a block begins a line, and no line is empty."""
    parser = _Prose()
    parser.feed(page)
    parser.close()
    lines = ("".join(parser.parts)).splitlines()
    return "\n".join(line for line in (re.sub(r"[ \t]+", " ", line).strip() for line in lines) if line)


def without_html(texts: pa.Array) -> pa.Array:
    """The texts with tags and entities in them as prose; the others cost one pattern."""
    import pyarrow.compute as pc

    has_html = pc.match_substring_regex(texts, _LOOKS_LIKE_HTML).fill_null(False)
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
