"""What a batch is: a dictionary of NumPy arrays, or a frame of Arrow's or Polars'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.readers.dense import Values

Format = Literal["numpy", "arrow", "polars"]
MASK = "_mask"
"""Beside the columns: whether a row counts. Of coverage `exact`, the last batch of an epoch has rows that do not."""


@dataclass(frozen=True)
class Part:
    """The rows of a micro-batch, and which of them count."""

    columns: Mapping[str, Values] | pa.Table
    is_valid: npt.NDArray[np.bool_]


def finisher(kind: Format, *, with_mask: bool) -> Callable[[Part], Any]:
    """What makes a batch of its rows."""

    def finish(part: Part) -> Any:
        if isinstance(part.columns, Mapping):
            return {**part.columns, **({MASK: part.is_valid} if with_mask else {})}
        table = part.columns.append_column(MASK, pa.array(part.is_valid)) if with_mask else part.columns
        if kind == "arrow":
            return table
        import polars as pl

        return pl.from_arrow(table)

    return finish
