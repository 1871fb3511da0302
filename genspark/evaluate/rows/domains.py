"""Adherence: whether generated values are ones that the real column has, by its range or its categories."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.rows.samples import common_columns
from genspark.evaluate.score import Score, share_interval, signature

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

MOST_CATEGORIES = 100_000


@dataclass(frozen=True)
class _Domain:
    """What a column holds: the least and the greatest number, or the categories; and whether values are missing."""

    least: float | None = None
    greatest: float | None = None
    categories: frozenset[str] = frozenset()
    has_missing: bool = False

    def merged(self, other: _Domain) -> _Domain:
        some = [(domain.least, domain.greatest) for domain in (self, other) if domain.least is not None]
        least = min((low for low, _ in some if low is not None), default=None)
        greatest = max((high for _, high in some if high is not None), default=None)
        return _Domain(least, greatest, self.categories | other.categories, self.has_missing or other.has_missing)

    def held(self, values: pl.Series) -> int:
        """How many of the values are of this domain; a missing one is where the real column lacks some too."""
        import polars as pl

        missing = _missing(values)
        if self.least is not None:
            inside = values.is_between(self.least, self.greatest) if values.dtype.is_numeric() else None
        else:
            inside = values.cast(pl.String).is_in(list(self.categories))
        found = int(inside.fill_null(value=False).sum()) if inside is not None else 0
        return found + (missing if self.has_missing else 0)


@dataclass(frozen=True)
class _Domains:
    of: Mapping[str, _Domain] = field(default_factory=dict)
    rows: int = 0

    def merged(self, other: _Domains) -> _Domains:
        if not self.of or not other.of:
            return self if self.of else other
        both = {name: domain.merged(other.of[name]) for name, domain in self.of.items()}
        for name, domain in both.items():
            if len(domain.categories) > MOST_CATEGORIES:
                raise DataError(
                    f"column {name!r} has more than {MOST_CATEGORIES:,} values, which are no categories; leave it out"
                )
        return _Domains(both, self.rows + other.rows)


@dataclass(frozen=True)
class _Held:
    rows: int
    of: Mapping[str, int]

    def merged(self, other: _Held) -> _Held:
        if not self.rows or not other.rows:
            return self if self.rows else other
        return _Held(self.rows + other.rows, {name: held + other.of[name] for name, held in self.of.items()})


def adherence(real: Any, generated: Any, *, columns: Sequence[str] | None = None) -> Score:
    """The mean share of generated values that lie in the real column's range, or are of its categories; 1 is best.

    Numbers and dates go by the least and the greatest real value, texts and booleans by the real values. A missing
    value adheres where the real column lacks some too. One scan of each side; `parts` has each column, by default all
    that both have. Raises DataError for a column of more than 100,000 categories.
    """
    names = common_columns(real, generated, columns)
    domains = parts.merged(real, names, _domains, "real")
    if not domains.rows:
        raise DataError("real has no rows; nothing can be scored")
    state = parts.merged(generated, names, functools.partial(_held, domains=domains.of), "generated")
    if not state.rows:
        raise DataError("generated has no rows; nothing can be scored")
    shares = {name: held / state.rows for name, held in state.of.items()}
    value = sum(shares.values()) / len(shares)
    bounds = share_interval(value, state.rows)
    return Score(value, state.rows, signature("adherence", columns=names), bounds, shares)


def _domains(found: Iterator[pa.Table]) -> _Domains:
    import polars as pl

    state = _Domains()
    for table in found:
        rows = pl.DataFrame(pl.from_arrow(table))
        if rows.height:
            some = {name: _domain(_plain(rows[name])) for name in rows.columns}
            state = state.merged(_Domains(some, rows.height))
    return state


def _domain(values: pl.Series) -> _Domain:
    import polars as pl

    has_missing = _missing(values) > 0
    if values.dtype.is_numeric():
        there = values.fill_nan(None).drop_nulls() if values.dtype.is_float() else values.drop_nulls()
        least, greatest = there.min(), there.max()
        return _Domain(least, greatest, frozenset(), has_missing)  # type: ignore[arg-type]
    return _Domain(None, None, frozenset(values.cast(pl.String).drop_nulls().unique().to_list()), has_missing)


def _held(found: Iterator[pa.Table], domains: Mapping[str, _Domain]) -> _Held:
    import polars as pl

    state = _Held(0, {})
    for table in found:
        rows = pl.DataFrame(pl.from_arrow(table))
        if rows.height:
            held = {name: domain.held(_plain(rows[name])) for name, domain in domains.items()}
            state = state.merged(_Held(rows.height, held))
    return state


def _plain(values: pl.Series) -> pl.Series:
    """Dates and times as numbers. Raises DataError for lists, structures and bytes."""
    import polars as pl

    if values.dtype.is_temporal():
        return values.to_physical()
    if values.dtype.is_nested() or values.dtype == pl.Binary:
        raise DataError(f"column {values.name!r} holds {values.dtype}, which has no range and no categories")
    return values


def _missing(values: pl.Series) -> int:
    nan = int(values.is_nan().sum()) if values.dtype.is_float() else 0
    return values.null_count() + nan
