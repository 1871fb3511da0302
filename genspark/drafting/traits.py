"""What the values of a column, looked at one by one in the sample, tell beside their counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from genspark.drafting.tails import Numbers, Repeated, Tail, repeated_of, tail_of
from genspark.steps.pii.finding import claimed
from genspark.steps.pii.kinds import KINDS

FEW = 12
_SEARCHED = 10_000
_LONG = 60
"""Characters from which on a text is a long one, by the mean."""

_IDENTIFIER = r"^[A-Za-z0-9_-]+$"
_ANY_DATE = r"^(\d{4}[/.]\d{1,2}[/.]\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{1,2}/\d{1,2}/\d{2})( |$)"


@dataclass(frozen=True)
class Traits:
    """Figures of the sample.

    `personal`: kinds of personal data (those of the step pii) and the shares of the values that hold them, of the first
    10,000. Texts: whether they are long, identifiers of one pattern such as ORD-000017, dates in another order than
    that of ISO 8601, and whether digits alone that begin with 0. Numbers: whether they are codes, which are few whole
    numbers, whether each follows the one before when they are sorted, how they lie, an extreme that repeats, and the
    share of the values that is infinite.
    """

    personal: Mapping[str, float] = field(default_factory=dict)
    is_long: bool = False
    is_of_one_pattern: bool = False
    is_dated: bool = False
    has_leading_zeros: bool = False
    is_code: bool = False
    is_consecutive: bool = False
    tail: Tail | None = None
    repeated: Repeated | None = None
    infinite: float = 0.0


def traits_of(values: pl.Series, numbers: Numbers) -> Traits:
    """The traits of a column's values, and of its finite numbers where it has some."""
    there = values.drop_nulls()
    if not len(there):
        return Traits()
    if values.dtype == pl.String:
        return _of_texts(there)
    return _of_numbers(there, numbers) if values.dtype.is_numeric() else Traits()


def _of_texts(texts: pl.Series) -> Traits:
    return Traits(
        personal=_personal(texts),
        is_long=int(texts.str.len_chars().sum()) >= _LONG * len(texts),
        is_of_one_pattern=_are_of_one_pattern(texts),
        is_dated=bool(texts.str.contains(_ANY_DATE).all()),
        has_leading_zeros=bool(texts.str.contains(r"^[0-9]+$").all() and texts.str.contains(r"^0[0-9]").any()),
    )


def _of_numbers(values: pl.Series, numbers: Numbers) -> Traits:
    if not len(numbers):
        return Traits()
    are_whole = bool((numbers == np.floor(numbers)).all())
    distinct = len(np.unique(numbers))
    is_code = are_whole and distinct <= min(FEW, max(2, len(numbers) // 5))
    repeated = None if is_code else repeated_of(numbers)
    rest = numbers[numbers != repeated.value] if repeated and repeated.stands_apart else numbers
    are_numbers_of_cards = values.dtype.is_integer() and numbers.min() >= 1e12
    return Traits(
        personal=_personal(values.cast(pl.String)) if are_numbers_of_cards else {},
        is_code=is_code,
        is_consecutive=bool(are_whole and len(numbers) >= 10 and distinct == numbers.max() - numbers.min() + 1.0),
        tail=None if is_code else tail_of(rest),
        repeated=repeated,
        infinite=1.0 - len(numbers) / int(values.cast(pl.Float64).is_not_nan().sum()),
    )


def _personal(texts: pl.Series) -> dict[str, float]:
    some = texts.head(_SEARCHED)
    counts = dict.fromkeys(KINDS, 0)
    any_hint = "|".join(kind.hint for kind in KINDS.values())
    for text in some.filter(some.str.contains(any_hint)):
        for kind in {name for _, _, name in claimed(text, list(KINDS.values()))}:
            counts[kind] += 1
    return {kind: count / len(some) for kind, count in counts.items() if count}


def _are_of_one_pattern(texts: pl.Series) -> bool:
    """Whether all are identifiers alike but for runs of digits, or of one length with a digit in most."""
    if not texts.str.contains(_IDENTIFIER).all() or texts.str.contains(r"\d").sum() < 0.9 * len(texts):
        return False
    return texts.str.replace_all(r"\d+", "9").n_unique() == 1 or texts.str.len_chars().n_unique() == 1
