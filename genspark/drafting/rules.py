"""What held of the rows that were seen, as rules for the next: of each row, and of all together."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from genspark.drafting.judging import is_measured, is_of_times
from genspark.drafting.looking import Column, Look
from genspark.drafting.reasons import Advice, listed, names_of, percent

WHY = "what held of all rows should hold of the next; rows of which it does not are set aside, or counted"


def rules_for(seen: Look) -> Iterator[Advice]:
    """The rules that all rows of a source keep, as steps that hold them."""
    yield from _checked(seen.columns)
    rules: list[dict[str, Any]] = []
    why: list[str] = []
    unique = [c for c in seen.columns if c.is_unique and c.missing == 0 and (c.is_whole or c.dtype == "String")]
    if unique and seen.sampled == seen.rows:
        rules.append({"columns": names_of(unique), "unique": True})
        why.append(listed("another value in every row: it may tell rows apart", unique, lambda c: f"{c.distinct:,}"))
    rising = [c for c in seen.columns if c.rises_along]
    rules += [{"columns": c.name, "monotone": {"along": c.rises_along}, "level": "warn"} for c in rising]
    if rising:
        why.append(listed("never falls", rising, lambda c: f"along {c.rises_along} in {seen.rows:,} rows"))
    some = [c for c in seen.columns if 0 < c.missing < 1 and c.kind in ("number", "category", "text")]
    rules += [{"columns": c.name, "null_share": [0, _at_most(c.missing)], "level": "warn"} for c in some]
    if some:
        why.append(listed("missing", some, lambda c: f"{c.missing:.2%}"))
    if rules:
        yield Advice("expect", {"rules": rules}, tuple(why))


def _at_most(share: float) -> float:
    """The next whole percent from a share on."""
    return min(1.0, math.ceil(round(share * 100, 9)) / 100)


def _checked(columns: Sequence[Column]) -> Iterator[Advice]:
    """The rules that each row keeps, with the figures behind them."""
    rules: list[dict[str, Any]] = []
    why = [WHY]
    full = [c for c in columns if c.missing == 0]
    if full:
        rules.append({"columns": names_of(full), "not_null": True})
    checked = [(column, *found) for column in columns if (found := _check(column)) is not None]
    rules += [{"columns": column.name, check: value, "level": "warn"} for column, check, value, _ in checked]
    figures = {column.name: figure for column, *_, figure in checked}
    why += [
        listed(check, [c for c, own, *_ in checked if own == check], lambda c: figures[c.name])
        for check in dict.fromkeys(check for _, check, *_ in checked)
    ]
    if rules:
        yield Advice("validate", {"rules": rules}, tuple(why))


def _check(column: Column) -> tuple[str, Any, str] | None:
    """The check that suits the values of a column, with what it is held to and the figure behind that."""
    is_name = column.kind == "category" and column.dtype == "String"
    if column.readable_as in ("date", "timestamp", "uuid"):
        return "type", column.readable_as, f"{column.readable_as} in {column.distinct:,} values"
    if is_name and column.top and not column.others:
        values = [value for value, _ in column.top]
        return "one_of", values, f"{len(values):,} values"
    has_range = column.least is not None and column.greatest is not None
    if is_measured(column) and has_range:
        return "between", [column.least, column.greatest], f"{column.least:g} to {column.greatest:g}"
    if column.pattern:
        return "matches", column.pattern, f"{column.distinct:,} values"
    if column.readable_as:
        return "type", column.readable_as, f"{column.readable_as} in {column.distinct:,} values"
    lengths = (column.least, column.greatest) if column.kind == "text" and has_range else column.lengths
    if lengths and lengths[1]:
        least, most = (int(length or 0) for length in lengths)
        return "length", [least, most], f"{least:,} to {most:,}"
    return None


def validated(columns: Sequence[Column], masked: Collection[str] = ()) -> Iterator[Advice]:
    """Rules of each row: no gaps where there was none, names and ranges that were seen, and types of texts.

    Of texts that are cast those that cannot be are taken out, as they would end the job.
    """
    rules: list[dict[str, Any]] = []
    full = [c for c in columns if c.missing == 0]
    if full:
        rules.append({"columns": names_of(full), "not_null": True})
    for column in columns:
        if column.name in masked:
            continue
        if column.readable_as in ("date", "timestamp"):
            rules.append({"columns": column.name, "type": column.readable_as})
        elif column.kind == "category" and column.dtype == "String" and column.top and not column.others:
            values = [value for value, _ in column.top]
            rules.append({"columns": column.name, "one_of": values, "level": "warn"})
        elif is_measured(column) and column.least is not None and column.greatest is not None:
            rules.append({"columns": column.name, "between": _range(column), "level": "warn"})
        elif column.readable_as:
            rules.append({"columns": column.name, "type": column.readable_as, "level": "warn"})
    if rules:
        yield Advice("validate", {"rules": rules}, (WHY,))


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
