"""Which steps hid, flagged or removed personal data in a column, by what the table's card says was done to it."""

from __future__ import annotations

import re

from genspark.catalog.entry import Column
from genspark.steps import hiding_kinds

_SENTENCE = re.compile(r"(?:^|\s)\d+\. ")


def of_description(text: str) -> tuple[str, ...]:
    """The steps about personal data, as the description of a column tells them, with their arguments.

    A sentence begins with the kind of its step, or with the step's name and its kind in brackets.
    """
    sentences = [sentence.strip().removesuffix(".") for sentence in _SENTENCE.split(text)]
    return tuple(sentence for sentence in sentences if any(_is_of(kind, sentence) for kind in hiding_kinds()))


def sources_of(column: Column) -> tuple[str, ...]:
    """The columns of the source that a column is made from, as its description tells them."""
    made = re.match(r"Made from (.+?)\.(?: \d+\. | Drawn |$)", column.done)
    return tuple(made[1].split(", ")) if made else (column.name,)


def kind_of(step: str) -> str:
    """The kind of a step that `of_description` found."""
    return next(kind for kind in hiding_kinds() if _is_of(kind, step))


def _is_of(kind: str, sentence: str) -> bool:
    return re.match(rf"(?:{kind}\b|[^;=]*\({kind}\))", sentence) is not None
