"""Scaling that a job left to the table's readers: what the step `scale` learnt, done to the columns of row groups.

The step writes it into the table's properties; the numbers are those that it would have written, but for rounding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.columns.kernels import column, numbers
from genspark.columns.vectors import pack, unpack

PROPERTY = "genspark.scale."
Values = npt.NDArray[Any]
_FLOATS = {"float32": pa.float32(), "float64": pa.float64()}


@dataclass(frozen=True)
class Scaling:
    """(x - center) / scale + offset of a column, or of the elements of its vectors.

    `maps` has center, scale and offset: once, or for each place of a vector. `element` is the type of a vector's
    elements; None stands for a column of numbers, which become float64.
    """

    column: str
    maps: tuple[tuple[float, ...], ...]
    size: int | None = None
    element: pa.DataType | None = None

    def scaled(self, array: pa.Array) -> pa.Array:
        """A column as it is read; null and NaN are null. Raises DataError for vectors of another length."""
        if self.element is None:
            return column(self._map(numbers(array)))
        vectors = unpack(array, self.column, self.size)
        return pack(self._map(vectors.values), vectors.present, self.element)

    def unscaled(self, values: Values) -> Values:
        """Scaled values, rows x anything, as they are in the table; in float64."""
        center, scale, offset = self._parts
        flat = np.asarray(values, np.float64)
        found: Values = ((flat.reshape(len(flat), -1) - offset) * scale + center).reshape(flat.shape)
        return found

    def _map(self, x: Values) -> Values:
        center, scale, offset = self._parts
        found: Values = (x - center) / scale + offset
        return found

    @property
    def _parts(self) -> Any:
        return np.array(self.maps or [(0.0, 1.0, 0.0)]).T


def scalings(properties: Mapping[str, str], columns: Mapping[str, pa.DataType]) -> tuple[Scaling, ...]:
    """The scaling of those of the columns that a job left unscaled."""
    found = []
    for name in sorted(properties):
        if name.startswith(PROPERTY):
            told = json.loads(properties[name])
            for one in (one for one in told if one in columns):
                maps = tuple(tuple(map(float, of_place)) for of_place in told[one]["maps"])
                found.append(Scaling(one, maps, told[one].get("size"), _FLOATS.get(told[one].get("type"))))
    return tuple(found)
