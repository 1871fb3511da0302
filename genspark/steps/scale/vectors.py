"""Vectors: affine maps of their elements, learnt and applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from genspark.columns.dtypes import Schema
from genspark.columns.vectors import element_type, pack, unpack
from genspark.statistics import Elements, State, Statistic
from genspark.steps.learner import Learner, Parameters
from genspark.steps.scale.maps import affine_map

ELEMENT = ("count", "mean", "m2", "min", "max")
"""The entries of a state of `Elements` that are lists over the places."""


@dataclass(frozen=True)
class VectorMaps(Learner):
    """The map of each element of a column's vectors, or with `over` all one map of all elements.

    Parameters: `maps` (column -> a list of center, scale, offset), `sizes` (column -> the vectors' length; None
    where no row has a vector) and `types` (column -> element type, by its Arrow name).
    """

    columns: tuple[str, ...]
    method: str
    range: tuple[float, float]
    over: Literal["each", "all"]

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        by_column = {column: states[self._statistic(column)] for column in self.columns}
        return {
            "maps": {column: self._maps(state) for column, state in by_column.items()},
            "sizes": {column: state["size"] for column, state in by_column.items()},
            "types": {column: str(element_type(schema[column])).lower() for column in self.columns},
        }

    def _statistic(self, column: str) -> Elements:
        return Elements((column,), over=self.over)

    def _maps(self, state: State) -> list[list[float]]:
        places = ({name: state[name][place] for name in ELEMENT} for place in range(len(state["count"])))
        return [affine_map(of_place, self.method, self.range) for of_place in places]


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
        vectors = unpack(arrays[0], self.name, self.size)
        center, scale, offset = np.array(self.maps).T
        x = vectors.values
        values = (x - offset) * scale + center if self.inverse else (x - center) / scale + offset
        return [pack(values, vectors.present, self.element)]
