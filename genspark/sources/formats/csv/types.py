"""Infer the types of csv columns, which every text may widen, as Spark does."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from genspark.sources.parsing import values
from genspark.sources.parsing.columns import converted, plainly


@dataclass(frozen=True)
class Kind:
    """A type and its rank, in the order in which types are tried: a text is tried from the column's rank on."""

    rank: int
    dtype: pl.DataType


NOTHING = Kind(0, pl.String())
INTEGER = Kind(1, pl.Int32())
LONG = Kind(2, pl.Int64())
DECIMAL = 3
DOUBLE = Kind(4, pl.Float64())
DATE = Kind(5, pl.Date())
TIMESTAMP = Kind(6, pl.Datetime("us", "UTC"))
BOOLEAN = Kind(7, pl.Boolean())
STRING = Kind(8, pl.String())
_TRIED = (INTEGER, LONG, DOUBLE, DATE, TIMESTAMP, BOOLEAN)


def widened(kind: Kind, texts: pl.Series) -> Kind:
    """Widen a type as far as it takes to hold these texts too; null and empty texts fit every type."""
    if kind == STRING:
        return kind
    texts = texts.drop_nulls()
    texts = texts.filter(texts != "")
    while kind != STRING and len(texts):
        text = str(texts[0]) if kind == NOTHING else _misfit(texts, kind)
        if text is None:
            break
        kind = _joined(kind, _kind(text, kind.rank))
    return kind


def _misfit(texts: pl.Series, kind: Kind) -> str | None:
    """The first text that is not of the type; None where all are."""
    if kind.rank == DECIMAL:
        return next((text for text in texts.unique(maintain_order=True) if not _is_whole(text, _digits(kind))), None)
    # Only dates in full are inferred, though reading takes short ones too.
    bad = plainly(texts, kind.dtype).is_null() if kind == DATE else converted(texts, kind.dtype)[1]
    return None if bad is None or not bad.any() else str(texts.filter(bad)[0])


def _is_whole(text: str, most: int) -> bool:
    digits = values.whole_digits(text)
    return digits is not None and digits <= most


def _kind(text: str, rank: int) -> Kind:
    """The first type from a rank on that a text is of."""
    for kind in _TRIED:
        if rank <= DECIMAL < kind.rank and (digits := values.whole_digits(text)):
            return Kind(DECIMAL, pl.Decimal(digits, 0))
        parse = values.date if kind == DATE else values.parser(kind.dtype)
        if kind.rank >= rank and parse(text) is not None:
            return kind
    return STRING


def _joined(one: Kind, other: Kind) -> Kind:
    """The narrowest type that holds the values of both."""
    if one == NOTHING:
        return other
    if DECIMAL in (one.rank, other.rank) and max(one.rank, other.rank) == DECIMAL:
        return Kind(DECIMAL, pl.Decimal(max(_digits(one), _digits(other)), 0))
    are_numbers = max(one.rank, other.rank) <= DOUBLE.rank
    are_times = {one, other} <= {DATE, TIMESTAMP}
    if one == other or are_numbers or are_times:
        return max(one, other, key=lambda kind: kind.rank)
    return STRING


def _digits(kind: Kind) -> int:
    if isinstance(kind.dtype, pl.Decimal):
        return kind.dtype.precision or 38
    return {INTEGER: 10, LONG: 20}[kind]
