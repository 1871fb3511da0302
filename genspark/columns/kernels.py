"""Kernels: pure functions of Arrow columns, for what narwhals cannot express, the same on every engine.

A step that needs linear algebra, a lookup in a long table or the elements of an array declares kernels. An
engine runs them batch by batch, never row by row, and adds what they give as hidden columns that the
step's expressions then read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genspark.columns.expressions import HIDDEN

Numbers = npt.NDArray[np.float64]

Function = Callable[[Sequence[pa.Array]], Sequence[pa.Array]]
"""The columns of some rows, in the kernel's order -> as many rows of each output. Pickled on its way to workers."""


RESULT = f"{HIDDEN}kernel"
"""The column that an engine keeps a kernel's struct in until its outputs are columns."""


@dataclass(frozen=True)
class Kernel:
    """Hidden columns computed from other columns of the same row by a pure function of Arrow arrays.

    `columns` are what `function` is given, each once, as Arrow arrays in which NaN has become null already where
    a step reads them. `outputs` maps the names of the hidden columns to their Arrow types. `function`
    is pure and looks at no other row: an engine may cut the rows into batches as it likes.
    """

    columns: tuple[str, ...]
    outputs: Mapping[str, pa.DataType]
    function: Function

    def __call__(self, arrays: Sequence[pa.Array]) -> pa.StructArray:
        """The outputs as one struct array of `type`."""
        results = self.function(arrays)
        cast = [result.cast(kind) for result, kind in zip(results, self.outputs.values(), strict=True)]
        return pa.StructArray.from_arrays(cast, fields=list(self.type))

    @property
    def type(self) -> pa.StructType:
        """The struct type of the outputs."""
        return pa.struct(list(self.outputs.items()))


def numbers(array: pa.Array) -> Numbers:
    """The values of a column of numbers or booleans as float64, null as NaN. May be read-only."""
    floats = array.cast(pa.float64()) if not pa.types.is_boolean(array.type) else array.cast(pa.int8()).cast("float64")
    return np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)


def matrix(arrays: Sequence[pa.Array]) -> Numbers:
    """The columns side by side: rows x columns, float64, null as NaN. Writable."""
    rows = np.empty((len(arrays[0]) if arrays else 0, len(arrays)))
    for position, array in enumerate(arrays):
        rows[:, position] = numbers(array)
    return rows


def column(values: Numbers) -> pa.Array:
    """An Arrow column of float64, NaN as null."""
    return pa.array(values, pa.float64(), from_pandas=True)
