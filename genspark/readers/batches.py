"""What a batch is: a dictionary of NumPy arrays, or a frame of Arrow's or Polars'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.readers.augment.columns import Shown, parted
from genspark.readers.dense import Values
from genspark.readers.groups import Counts
from genspark.readers.images import Images

Format = Literal["numpy", "arrow", "polars"]
MASK = "_mask"
"""Beside the columns: whether a row counts. Of coverage `exact`, the last batch of an epoch has rows that do not."""


@dataclass(frozen=True)
class Part:
    """The rows of a micro-batch, and which of them count."""

    columns: Mapping[str, Values] | pa.Table
    is_valid: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Finish:
    """What makes a batch of its rows: images are decoded, views shown, `dropped` columns left out, the mask added."""

    kind: Format
    with_mask: bool
    images: Images | None = None
    shown: Shown | None = None
    dropped: tuple[str, ...] = ()

    def __call__(self, part: Part, epoch: int, counts: Counts) -> Any:
        """The batch; what could not be decoded is counted."""
        columns, is_valid = part.columns, part.is_valid
        if isinstance(columns, Mapping):
            columns, partners = parted(columns)
            columns, is_valid = self._seen(columns, is_valid, epoch, counts)
            if self.shown and partners:
                partners, is_valid = self._seen(partners, is_valid, epoch, counts)
                columns = self.shown.mixed(columns, partners, epoch)
            left = {name: values for name, values in columns.items() if name not in self.dropped}
            return {**left, **({MASK: is_valid} if self.with_mask else {})}
        table = columns.append_column(MASK, pa.array(is_valid)) if self.with_mask else columns
        if self.kind == "arrow":
            return table
        import polars as pl

        return pl.from_arrow(table)

    def _seen(
        self, columns: dict[str, Values], is_valid: npt.NDArray[np.bool_], epoch: int, counts: Counts
    ) -> tuple[dict[str, Values], npt.NDArray[np.bool_]]:
        """The columns of rows, or of their partners, as the epoch's view shows them."""
        if self.images:
            columns, is_valid = self.images.decoded(columns, is_valid, epoch, counts)
        return self.shown.views(columns, epoch) if self.shown else columns, is_valid
