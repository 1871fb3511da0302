"""Figures of a catalogue as a person reads them, the same in a terminal and on a page."""

from __future__ import annotations

import datetime as dt

from genspark.catalog.entry import Entry
from genspark.catalog.privacy import kind_of
from genspark.storage.sizes import size_text

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def age(then: dt.datetime | None, now: dt.datetime) -> str:
    """How long ago something was, in its largest whole unit; empty where that is not known."""
    if then is None:
        return ""
    seconds = max(int((now - then).total_seconds()), 0)
    for size, unit in _UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def number(count: int | None) -> str:
    """A number of things; empty where it is not known."""
    return "" if count is None else f"{count:,}"


def size(count: int | None) -> str:
    """A number of bytes; empty where it is not known."""
    return "" if count is None else size_text(count)


def score_text(score: dict[str, object], digits: int = 4) -> str:
    """A score with the slice that it is of, such as `frechet_distance 1.234 (label=3)`."""
    of = f" ({score['slice']})" if score["slice"] else ""
    return f"{score['metric']} {score['value']:.{digits}g}{of}"


def steps_about_privacy(one: Entry) -> dict[str, list[str]]:
    """The columns by the kind of step that touched personal data in them: `{"pii": ["email", "note"]}`."""
    found: dict[str, list[str]] = {}
    for column, steps in one.private.items():
        for step in steps:
            found.setdefault(kind_of(step), []).append(column)
    return {kind: list(dict.fromkeys(columns)) for kind, columns in sorted(found.items())}


def trouble(one: Entry) -> str:
    """What is wrong with a table: it cannot be read, or its last run failed; empty where nothing is."""
    if one.error:
        return one.error
    if one.last_run.get("outcome") == "failed":
        return f"the last run failed: {one.last_run.get('error', '')}".rstrip(": ")
    return ""
