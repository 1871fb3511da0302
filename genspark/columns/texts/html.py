"""The text that a reader of an HTML page sees, found in time that is linear in the page, however broken it is.

Python's own parser takes time that grows with the square for pages such as `<a <a <a ...`, and stops at some
declarations. This reads tags alone, which is all that prose needs: no tree is built.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

LOOKS_LIKE_HTML = r"</?[A-Za-z!][^<>]*>|&(#[0-9]+|#[xX][0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);"
"""A pattern of RE2 that every text with a tag or an entity fits."""

_HIDDEN = {"script", "style", "head", "template", "noscript", "svg", "iframe", "object"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure"),
    *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p"),
    *("pre", "section", "table", "td", "th", "title", "tr", "ul"),
}
_RAW = {"script", "style"}
_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
_QUOTED = re.compile(r"""(?:[^>"']+|"[^"]*"|'[^']*')*+>""")
_ANY, _BLANKS = re.compile(r"[^>]*>"), re.compile(r"[ \t\r\f]+")


def prose(page: str) -> str:
    """The text of HTML, without scripts, styles and comments; a block begins a line, and no line is empty."""
    parts: list[str] = []
    hidden, depth = "", 0
    for text, tag in _cut(page):
        if not hidden:
            parts.append(html.unescape(text))
        name = tag.lstrip("/")
        if hidden and name == hidden:
            depth += -1 if tag.startswith("/") else 1
            hidden = hidden if depth else ""
        elif hidden == "head" and tag == "body":
            hidden = ""
        elif not hidden and tag in _HIDDEN:
            hidden, depth = tag, 1
        elif name in _BLOCKS:
            parts.append("\n")
    lines = (_BLANKS.sub(" ", line).strip() for line in "".join(parts).splitlines())
    return "\n".join(line for line in lines if line)


def _cut(page: str) -> Iterator[tuple[str, str]]:
    """Each tag's name, in small letters and with its slash, after the text before it; at last the text without one."""
    last, ending = page.rfind(">"), _QUOTED
    at = start = 0
    while start <= last and (start := page.find("<", start)) >= 0:
        named = _NAME.match(page, start)
        if page.startswith("<!--", start):
            name, end = "", page.find("-->", start + 4) + 3
        elif named or page.startswith(("<!", "<?", "</"), start):
            name = named[0][1:].lower() if named else ""
            found = ending.match(page, start + 1)
            if not found and start < last:
                # A quote that is never closed: from here on quotes mean nothing, or each tag would look to the end.
                ending = _ANY
                found = ending.match(page, start + 1)
            end = found.end() if found else 0
        else:
            start += 1
            continue
        if end < 3 and name == "" and page.startswith("<!--", start):
            # A comment that is never closed takes the rest.
            yield page[at:start], ""
            return
        if not end:
            break
        yield page[at:start], name
        at = start = end
        if name in _RAW:
            closed = re.compile(f"</{name}", re.IGNORECASE).search(page, end)
            if closed is None:
                return
            at = start = closed.start()
    yield page[at:], ""
