"""The lines of a text that C4 keeps, and what it has that C4 refuses.

Source: C. Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", JMLR 21,
2020, section 2.2, and in what the paper leaves open the authors' published code: in which order lines are looked at,
long words, the phrases of cookies and terms. Sentences end at . ! or ? before whitespace; the code learnt its splitter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CITATIONS = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_ENDS = (".", "?", "!", '"', "'")
_POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_SENTENCES = re.compile(r"""[.!?]["')\]]*(?=\s|$)""")
FEWEST_WORDS, LONGEST_WORD = 3, 1000


@dataclass(frozen=True)
class Page:
    """The lines kept, joined again; the sentences in them; and the lines with placeholder text or a curly bracket."""

    text: str
    sentences: int
    lorem_ipsum: int
    curly_brackets: int


def page_of(text: str) -> Page:
    """What C4 makes of a text."""
    kept: list[str] = []
    placeholders = brackets = 0
    for whole in text.splitlines():
        line, words = _CITATIONS.sub("", whole.strip()), whole.split()
        if not _is_prose(line, words):
            continue
        lower = line.lower()
        if "lorem ipsum" in lower:
            placeholders += 1
        elif "javascript" in lower:
            continue
        elif "{" in line:
            brackets += 1
        elif not any(phrase in lower for phrase in _POLICIES):
            kept.append(line)
    return Page("\n".join(kept).strip(), sum(map(sentences, kept)), placeholders, brackets)


def sentences(line: str) -> int:
    """The sentences of a line; what has no end counts as one."""
    ends = len(_SENTENCES.findall(line))
    return ends if not line or _SENTENCES.search(line[-3:]) else ends + 1


def _is_prose(line: str, words: list[str]) -> bool:
    """Whether a line ends as a sentence does, and has words enough, none of them far too long."""
    is_ended = line.endswith(_ENDS) and not line.endswith("...")
    return is_ended and len(words) >= FEWEST_WORDS and max(map(len, words)) <= LONGEST_WORD
