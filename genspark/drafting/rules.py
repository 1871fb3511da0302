"""What held of the rows that were seen, as rules for the next: of each row, and of all together."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from genspark.drafting.judging import is_measured, is_of_times
from genspark.drafting.looking import Column, Look
from genspark.drafting.reasons import Advice, listed, names_of, percent


def rules_for(seen: Look) -> Iterator[Advice]:
    """The rules that all rows of a source keep, as steps that hold them."""
    yield from validated(seen.columns, are_cast=False)
    unique = [c for c in seen.columns if c.is_unique and c.missing == 0 and (c.is_whole or c.dtype == "String")]
    if unique and seen.sampled == seen.rows:
        rules = [{"columns": names_of(unique), "unique": True}]
        yield Advice("expect", {"rules": rules}, ("another value in every row: it may tell rows apart",))


def validated(columns: Sequence[Column], masked: Collection[str] = (), *, are_cast: bool = True) -> Iterator[Advice]:
    """Rules of each row: no gaps where there was none, names and ranges that were seen, and types of texts.

    Of texts that are cast those that cannot be are taken out, as they would end the job.
    """
    rules: list[dict[str, Any]] = []
    why = ["what held of all rows should hold of the next; rows of which it does not are set aside, or counted"]
    full = [c for c in columns if c.missing == 0]
    if full:
        rules.append({"columns": names_of(full), "not_null": True})
    for column in columns:
        if column.name in masked:
            continue
        if are_cast and column.readable_as in ("date", "timestamp"):
            rules.append({"columns": column.name, "type": column.readable_as})
        elif column.kind == "category" and column.dtype == "String" and column.top and not column.others:
            values = [value for value, _ in column.top]
            rules.append({"columns": column.name, "one_of": values, "level": "warn"})
        elif is_measured(column) and column.least is not None and column.greatest is not None:
            rules.append({"columns": column.name, "between": _range(column), "level": "warn"})
        elif column.readable_as:
            rules.append({"columns": column.name, "type": column.readable_as, "level": "warn"})
    if rules:
        yield Advice("validate", {"rules": rules}, tuple(why))


def expected(columns: Sequence[Column], seen: Look) -> Iterator[Advice]:
    """Bounds of means and of shares that are missing, about those that were seen."""
    rules: list[dict[str, Any]] = []
    for column in columns:
        mean, deviation = column.mean, column.deviation
        if is_measured(column) and mean is not None and deviation and math.isfinite(mean + deviation):
            # Four times the error of a mean of so many rows, or half a deviation.
            reach = max(0.5, 4.0 / math.sqrt(seen.rows)) * deviation
            rules.append({"columns": column.name, "mean": [_short(mean - reach), _short(mean + reach)]})
    gaps: dict[float, list[str]] = {}
    for column in columns:
        if column.missing > 0.0 and column.kind in ("number", "category", "text") and not is_of_times(column):
            gaps.setdefault(min(1.0, round(column.missing + 0.05, 2)), []).append(column.name)
    rules += [{"columns": names, "null_share": [0, most]} for most, names in gaps.items()]
    if rules and seen.rows >= 10:
        what = "what the next rows should look like together; the report tells where they do not"
        measured = [c for c in columns if is_measured(c) and c.mean is not None]
        missing = [c for c in columns if any(c.name in names for names in gaps.values())]
        why = [what]
        if measured:
            seen_so = "means within half a deviation, or 4 errors of the mean where rows are few, of those seen"
            why.append(listed(seen_so, measured, lambda c: f"{c.mean:.4g}"))
        if missing:
            why.append(listed("at most 5 points more missing than was", missing, lambda c: percent(c.missing)))
        yield Advice("expect", {"rules": [{**rule, "level": "warn"} for rule in rules]}, tuple(why))


def _range(column: Column) -> list[float | None]:
    """The least and the greatest value, without one that stands for missing."""
    ends, repeated, tail = [column.least, column.greatest], column.traits.repeated, column.traits.tail
    if repeated and repeated.stands_apart and tail:
        ends[not repeated.is_least] = tail.least if repeated.is_least else tail.greatest
    return ends


def _short(value: float) -> float:
    """A number of four digits, as a bound needs no more."""
    return float(f"{value:.4g}")
