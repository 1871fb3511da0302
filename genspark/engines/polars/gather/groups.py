"""Numbers for the groups of rows, in the order in which they are first seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from genspark.columns.dtypes import is_category
from genspark.columns.expressions import HIDDEN
from genspark.engines.polars.gather.block import Block
from genspark.statistics.base import check_group_types, check_groups

GROUP = f"{HIDDEN}group"
"""The column with the number of a row's group."""


class Groups:
    """Numbers for groups, in the order in which they are first seen. Null is a value like any other."""

    def __init__(self, by: Sequence[str]) -> None:
        self._by = list(by)
        self._known: pl.DataFrame | None = None

    def __len__(self) -> int:
        return 0 if self._known is None else self._known.height

    @property
    def keys(self) -> list[tuple[Any, ...]]:
        """The values of the group columns, in the order of the numbers."""
        return [] if self._known is None else self._known.drop(GROUP).rows()

    def block(self, rows: pl.DataFrame) -> Block:
        """The rows in the order of their groups; rows of one group keep their order.

        Raises DataError when there are too many groups, PlanError for columns that cannot tell groups.
        """
        numbers = self._numbers(rows)
        unknown = numbers.is_null()
        if unknown.any():
            self._learn(rows.filter(unknown))
            numbers = self._numbers(rows)
        order = np.argsort(numbers.to_numpy(), kind="stable")
        return Block(rows[order], numbers.to_numpy()[order], len(self))

    def _numbers(self, rows: pl.DataFrame) -> pl.Series:
        """The number of each row's group, null for a new group, in the narrowest type, which sorts fastest."""
        if self._known is None:
            schema = nw.from_native(rows.select(self._by)).schema
            check_group_types({c: dtype for c, dtype in schema.items() if not is_category(dtype)})
            self._known = rows.select(*self._by, pl.lit(0, dtype=pl.Int64).alias(GROUP)).clear()
        joined = rows.select(self._by).join(
            self._known, on=self._by, how="left", nulls_equal=True, maintain_order="left"
        )
        return joined[GROUP].cast(pl.Int16 if len(self) < 2**15 else pl.Int32)

    def _learn(self, rows: pl.DataFrame) -> None:
        assert self._known is not None
        new = rows.select(self._by).unique(maintain_order=True)
        check_groups(self._by, len(self) + new.height)
        numbered = new.with_columns(pl.int_range(len(self), len(self) + new.height, dtype=pl.Int64).alias(GROUP))
        self._known = pl.concat([self._known, numbered])
