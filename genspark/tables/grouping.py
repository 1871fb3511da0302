"""What groups of rows are called."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

NO_VALUE = "(missing)"
BETWEEN = " / "
MOST_GROUPS = 1_000
"""Groups that are told; rows that make more of them are refused."""


def group_names(columns: Sequence[str]) -> pl.Expr:
    """The name of each row's group: the values of these columns as text, joined by ` / `, null as `(missing)`.

    A text that reads as another group stands in quotes: `(missing)` itself, and where there are several columns a text
    with ` / ` in it. So no two groups share a name.
    """
    return pl.concat_str([_named(column, is_joined=len(columns) > 1) for column in columns], separator=BETWEEN)


def _named(column: str, *, is_joined: bool) -> pl.Expr:
    value = pl.col(column).cast(pl.String)
    misleads = value.str.strip_chars("'") == NO_VALUE
    if is_joined:
        misleads |= value.str.contains(BETWEEN, literal=True)
    return pl.when(misleads).then(pl.format("'{}'", value)).otherwise(value).fill_null(NO_VALUE)
