"""What the values of a column have in common: one pattern of texts, or an order that they keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

import polars as pl

MOST_SHAPES = 200
"""Shapes of texts beyond which there is no one pattern."""
MOST_RUNS = 12
CLASSES = {"0": "[0-9]", "A": "[A-Z]", "a": "[a-z]"}


def pattern_of(texts: pl.Series) -> str | None:
    """The regular expression that all of some texts fit: letters of fixed number, digits, and the same signs between.

    None where there is none, or fewer than two texts are different.
    """
    there = texts.drop_nulls()
    if there.n_unique() < 2:
        return None
    # Of most columns of texts the first ones tell that there is none.
    for some in (there.head(2 * MOST_SHAPES), there):
        shapes = some.str.replace_all("[0-9]", "0").str.replace_all("[A-Z]", "A").str.replace_all("[a-z]", "a").unique()
        if len(shapes) > MOST_SHAPES:
            return None
    runs = [[(sign, len(list(run))) for sign, run in groupby(shape)] for shape in shapes.to_list()]
    kinds = [sign for sign, _ in runs[0]]
    is_one = all([sign for sign, _ in others] == kinds for others in runs)
    if (
        not is_one
        or not 0 < len(kinds) <= MOST_RUNS
        or not "".join(kinds).isascii()
        or not "".join(kinds).isprintable()
    ):
        return None
    counts = [sorted({others[at][1] for others in runs}) for at in range(len(kinds))]
    has_all_fixed = all(len(count) == 1 for count in counts)
    is_told_by_digits = len(kinds) > 1 and all(
        len(count) == 1 or sign == "0" for sign, count in zip(kinds, counts, strict=True)
    )
    if not (has_all_fixed or is_told_by_digits) or not set(kinds) & set(CLASSES):
        return None
    return "^" + "".join(_run(sign, count) for sign, count in zip(kinds, counts, strict=True)) + "$"


def _run(sign: str, counts: Sequence[int]) -> str:
    one, least, most = CLASSES.get(sign) or re.sub(r"([^\w ])", r"\\\1", sign), counts[0], counts[-1]
    return one if most == 1 else f"{one}{{{least}}}" if least == most else f"{one}{{{least},{most}}}"


def lengths_of(texts: pl.Series) -> tuple[int, int] | None:
    """The least and the most characters of some texts; None where there is none."""
    counts = texts.drop_nulls().str.len_chars()
    least, most = counts.min(), counts.max()
    return (least, most) if isinstance(least, int) and isinstance(most, int) else None


def rising(rows: pl.DataFrame, along: str) -> set[str]:
    """The columns whose values never fall from one place of an order to the next. None may be missing, in any."""
    names = [name for name in rows.columns if name != along]
    if not names:
        return set()
    # Another name for the order, as no least or greatest value can have it.
    places = (
        rows.group_by(pl.col(along).alias("place"))
        .agg(pl.col(names).min().name.prefix("least_"), pl.col(names).max().name.prefix("most_"))
        .sort("place")
    )
    if places.height < 2:
        return set()
    never_fall = [(pl.col(f"most_{name}").shift(1) <= pl.col(f"least_{name}")).all().alias(name) for name in names]
    return {name for name, holds in places.select(never_fall).row(0, named=True).items() if holds}
