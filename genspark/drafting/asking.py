"""What data cannot tell of itself, asked of a person: the key, the label, personal data, and where the table goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genspark.drafting.looking import Look
from genspark.drafting.proposing import why_personal
from genspark.errors import did_you_mean

Ask = Callable[[str, str], str]
"""A question and the answer that is proposed; returns what was answered, empty for none."""


@dataclass(frozen=True)
class Answers:
    """What a person knows of the data.

    `key` is None where the data proposes it. The `label` is neither scaled nor encoded. Of `personal` columns, what
    patterns find in long texts is masked, and the others are left out. `target` is the table's path.
    """

    key: tuple[str, ...] | None = None
    label: str = ""
    personal: tuple[str, ...] = ()
    target: str = ""


def answers(seen: Look, proposed: Answers, ask: Ask, tell: Callable[[str], None]) -> Answers:
    """Ask what cannot be known, each with what is proposed; a column that is not there is told, and asked for again."""
    names = [column.name for column in seen.columns]

    def columns(question: str, default: Sequence[str], most: int = len(names)) -> tuple[str, ...]:
        while True:
            given = [name.strip() for name in ask(question, ", ".join(default)).split(",") if name.strip()]
            absent = [name for name in given if name not in names]
            for name in absent:
                tell(f"{name!r} is not a column{did_you_mean(name, names)}")
            if len(given) > most:
                tell("one column at most")
            elif not absent:
                return tuple(given)

    for column in seen.columns:
        if column.name in proposed.personal:
            tell(f"{column.name} holds personal data, as it seems: {why_personal(column)}")
    key = columns("Which columns tell rows apart, by commas (none: all values together)?", proposed.key or ())
    label = columns("Which column is the label, which stays as it is?", [proposed.label], 1)
    personal = columns("Which columns hold personal data, which are masked or left out?", proposed.personal)
    return Answers(key, label[0] if label else "", personal, ask("Where is the table to be?", proposed.target))
