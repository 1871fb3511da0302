"""Columns that a job keeps persons out of: samples of its rows as they were read do not show them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from genspark.steps import Step, hiding_kinds
from genspark.storage.secrets import MASK


@dataclass(frozen=True)
class Hidden:
    """Patterns of columns, as sources name them; `texts`: every text is hidden, for names cannot be traced back.

    Of columns that only those `of_texts` match, no more than texts are hidden.
    """

    patterns: frozenset[str] = frozenset()
    texts: bool = False
    of_texts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.patterns or self.of_texts)

    def has(self, column: str | None, *, is_text: bool = True) -> bool:
        """Whether a column is among those named."""
        patterns = self.patterns | self.of_texts if is_text else self.patterns
        return column is not None and (column in patterns or any(fnmatch.fnmatchcase(column, one) for one in patterns))

    def hides(self, column: str, *, is_text: bool) -> bool:
        """Whether a column of the source is hidden."""
        return self.has(column, is_text=is_text) or (is_text and self.texts)

    def masked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a row, those of hidden columns as `***`."""
        return {
            name: MASK if value is not None and self.hides(name, is_text=isinstance(value, str)) else value
            for name, value in values.items()
        }


def hidden_by(configs: Iterable[Mapping[str, Any]]) -> Hidden:
    """What the steps of these configurations hide."""
    found = Hidden()
    for config in configs:
        one = hidden_in(config.get("steps") or ())
        found = Hidden(found.patterns | one.patterns, found.texts or one.texts, found.of_texts | one.of_texts)
    return found


def hidden_in(steps: Iterable[Mapping[str, Any]]) -> Hidden:
    """What these steps, each as `{kind: fields}`, hide."""
    patterns: set[str] = set()
    of_texts: set[str] = set()
    before: dict[str, str] = {}
    has_rule = texts = False
    for step in steps:
        ((kind, fields),) = step.items()
        if kind == "rename":
            # What a later step names by the new name has the old one in the source.
            before |= {new: before.get(old, old) for old, new in (fields.get("columns") or {}).items()}
            has_rule |= bool(fields.get("rule"))
        elif kind in hiding_kinds():
            columns = fields["columns"]
            named = [columns] if isinstance(columns, str) else list(columns)
            mine = of_texts if Step.registry[kind].leaves_persons else patterns
            mine.update(named)
            mine.update(old for new, old in before.items() if any(fnmatch.fnmatchcase(new, one) for one in named))
            texts |= has_rule
    return Hidden(frozenset(patterns), texts, frozenset(of_texts))
