"""Vectors, each element mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from genspark.columns.vectors import pack, unpack


@dataclass(frozen=True)
class Mapped:
    """A column of vectors -> (x - center) / scale + offset of each element, or with `inverse` back.

    `maps` has center, scale and offset: once, or for each place. `size` None: vectors of any one length.
    What is missing stays null.
    """

    name: str
    size: int | None
    maps: tuple[tuple[float, ...], ...]
    element: pa.DataType
    inverse: bool = False

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        """One column of lists."""
        found = unpack(arrays[0], self.name, self.size)
        center, scale, offset = np.array(self.maps).T
        x = found.values
        values = (x - offset) * scale + center if self.inverse else (x - center) / scale + offset
        return [pack(values, found.present, self.element)]
