"""What held of the rows that were seen, as rules for the next: of each row, and of all together."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from genspark.drafting.judging import is_measured, is_of_times
from genspark.drafting.looking import Column, Look
from genspark.drafting.reasons import Advice, listed, names_of, percent

WHY = "what held of all rows should hold of the next; rows of which it does not are set aside, or counted"
_CAST = ("date", "timestamp")
"""Types of texts that a draft casts."""


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
    held = _held(columns, ("one_of", "between", "matches", "type", "length"), (*_CAST, "uuid"))
    rules = [{"columns": column.name, check: value, "level": "warn"} for column, check, value in held]
    figures = {column.name: _figure(column, check, value) for column, check, value in held}
    why = [
        listed(check, [c for c, own, _ in held if own == check], lambda c: figures[c.name])
        for check in dict.fromkeys(check for _, check, _ in held)
    ]
    yield from _validate(columns, rules, why)


def validated(columns: Sequence[Column], masked: Collection[str] = ()) -> Iterator[Advice]:
    """Rules of each row: no gaps where there was none, names and ranges that were seen, and types of texts.

    Of texts that are cast those that cannot be are taken out, as they would end the job.
    """
    rules: list[dict[str, Any]] = []
    for column, check, value in _held([c for c in columns if c.name not in masked], ("one_of", "between", "type")):
        level = {} if check == "type" and value in _CAST else {"level": "warn"}
        rules.append({"columns": column.name, check: _range(column) if check == "between" else value, **level})
    yield from _validate(columns, rules)


def _validate(
    columns: Sequence[Column], rules: Sequence[Mapping[str, Any]], why: Sequence[str] = ()
) -> Iterator[Advice]:
    """The step of some rules; that columns without gaps have none goes first."""
    full = [c for c in columns if c.missing == 0]
    every = [*([{"columns": names_of(full), "not_null": True}] if full else []), *rules]
    if every:
        yield Advice("validate", {"rules": every}, (WHY, *why))


def _held(
    columns: Sequence[Column], order: Sequence[str], certain: Collection[str] = _CAST
) -> list[tuple[Column, str, Any]]:
    """Each column with the first check that suits it, and what that holds it to; a type that is certain goes first."""
    held = []
    for column in columns:
        checks = _checks(column)
        own = ("type", *order) if column.readable_as in certain else order
        held += [(column, check, checks[check]) for check in own if check in checks][:1]
    return held


def _checks(column: Column) -> dict[str, Any]:
    """The checks that suit the values of a column, and what each holds them to."""
    checks: dict[str, Any] = {}
    if column.kind == "category" and column.dtype == "String" and column.top and not column.others:
        checks["one_of"] = [value for value, _ in column.top]
    has_range = column.least is not None and column.greatest is not None
    if is_measured(column) and has_range:
        checks["between"] = [column.least, column.greatest]
    if column.pattern:
        checks["matches"] = column.pattern
    if column.readable_as:
        checks["type"] = column.readable_as
    lengths = (column.least, column.greatest) if column.kind == "text" and has_range else column.lengths
    if lengths and lengths[1]:
        checks["length"] = [int(length or 0) for length in lengths]
    return checks


def _figure(column: Column, check: str, value: Any) -> str:
    """The figure behind a check."""
    if check == "one_of":
        return f"{len(value):,} values"
    if check in ("between", "length"):
        sign = "g" if check == "between" else ","
        return f"{value[0]:{sign}} to {value[1]:{sign}}"
    return f"{value} in {column.distinct:,} values" if check == "type" else f"{column.distinct:,} values"


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
