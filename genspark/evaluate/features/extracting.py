"""Features of any frame: an extractor run as a kernel, on Arrow batches, wherever the rows are."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from genspark.columns.kernels import Kernel
from genspark.columns.names import FILE_COLUMN, ID_COLUMN
from genspark.errors import ConfigError, DataError
from genspark.evaluate import parts
from genspark.evaluate.features.extractor import Batch, Extractor, Opened
from genspark.storage.sizes import counted

FAULT = "_fault"
"""The column with the reason why a row has no vector."""
_NAMES = ("path", FILE_COLUMN, ID_COLUMN, "id")
"""Columns that name a row in a message, the first that there is."""
_TOLD = 5
_ROWS = 1024
"""Rows whose vectors are made, and looked at, at once."""

OnFault = Literal["error", "null"]


@dataclasses.dataclass(frozen=True)
class Extraction:
    """Arrow columns of some rows -> their vectors and faults: what a kernel calls, here or in a worker.

    `expected` is the SHA-256 of the weights that were seen where the work was planned.
    """

    extractor: Extractor
    expected: str | None
    names: str | None
    on_fault: OnFault

    def __call__(self, arrays: Sequence[pa.Array]) -> Sequence[pa.Array]:
        """The column of vectors, null where there is none, and that of the reasons."""
        *read, names = arrays if self.names else (*arrays, None)
        rows = len(arrays[0])
        opened = _opened(self.extractor, self.expected)
        made = [self._checked(opened, read, names, start) for start in range(0, rows, _ROWS)]
        kind = pa.list_(self.extractor.dtype)
        vectors = pa.concat_arrays([vectors for vectors, _ in made]) if made else pa.array([], kind)
        return vectors, pa.concat_arrays([faults for _, faults in made]) if made else pa.array([], pa.string())

    def _checked(self, opened: Opened, read: Sequence[pa.Array], names: Any, start: int) -> Any:
        batch = opened([array[start : start + _ROWS] for array in read])
        called = names[start : start + _ROWS].to_pylist() if names is not None else None
        is_whole = np.array([fault is None for fault in batch.faults])
        self._refuse_nan(batch, is_whole, called)
        faults = [_told(row, fault, called) if fault else None for row, fault in enumerate(batch.faults)]
        if self.on_fault == "error" and not is_whole.all():
            told = [fault for fault in faults if fault]
            few = "; ".join(told[:_TOLD]) + ("; ..." if len(told) > _TOLD else "")
            raise DataError(
                f"{self.extractor.kind}: {len(told):,} of {len(faults):,} rows of a batch have no vector: {few}; "
                "take them out, or pass over them with on_fault='null'"
            )
        values = pa.array(batch.vectors[is_whole].ravel(), self.extractor.dtype)
        ends = np.cumsum(np.where(is_whole, batch.vectors.shape[1], 0))
        offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
        mask = pa.array(~is_whole) if not is_whole.all() else None
        return pa.ListArray.from_arrays(offsets, values, mask=mask), pa.array(faults, pa.string())

    def _refuse_nan(self, batch: Batch, is_whole: Any, called: Sequence[Any] | None) -> None:
        is_off = is_whole & ~np.isfinite(batch.vectors).all(axis=1) if len(is_whole) else is_whole
        if is_off.any():
            first = _told(int(np.flatnonzero(is_off)[0]), "", called)
            raise DataError(
                f"{self.extractor.kind}: the extractor gave NaN or infinity for {int(is_off.sum()):,} of "
                f"{len(is_off):,} rows of a batch, first for {first}; mend the network or its input (divide, mean, std)"
            )


def extract(
    frame: Any,
    extractor: Extractor,
    *,
    column: str = "features",
    keep: Sequence[str] | None = None,
    on_fault: OnFault = "error",
) -> Any:
    """The frame with the vectors that an extractor makes of its rows, as lists of numbers in `column`.

    A Spark DataFrame and a Polars LazyFrame stay lazy, a path becomes a LazyFrame, and other frames come back as the
    same kind. `keep` are the columns beside it; left out: all but those that the extractor reads. A row without a
    vector, such as an image that does not decode, is an error that counts and names; with `on_fault` `null` it stays,
    with the reason in the column `_fault`. Raises ConfigError for an absent column, package or file of weights.
    """
    extractor.check()
    there = parts.columns_of(frame)
    read = extractor.reads(there)
    kept = [name for name in there if name not in read] if keep is None else list(keep)
    parts.check_columns(frame, kept, "the frame")
    if column in kept or FAULT in kept:
        taken = column if column in kept else FAULT
        raise ConfigError(f"features: there is a column {taken!r} already; give another name, or leave it out of keep")
    names = next((name for name in _NAMES if name in there and name not in read), None)
    wanted = [*kept, column, *([FAULT] if on_fault == "null" else [])]
    kernel = Kernel(
        (*read, *([names] if names else [])),
        {column: pa.list_(extractor.dtype), FAULT: pa.string()},
        Extraction(extractor, extractor.sha256, names, on_fault),
    )
    needed = list(dict.fromkeys([*kept, *kernel.columns]))
    return _with_kernel(frame, needed, kernel, wanted)


def _with_kernel(frame: Any, needed: Sequence[str], kernel: Kernel, wanted: Sequence[str]) -> Any:
    import narwhals as nw

    from genspark.engines import engine_for

    if isinstance(frame, str | Path):
        frame = parts.of_table(str(frame))
    engine, wrapped = engine_for(nw.to_native(nw.from_native(frame).select(*needed)))
    return nw.to_native(engine.with_kernels(wrapped, [kernel]).select(*wanted))


@functools.lru_cache(maxsize=4)
def _opened(extractor: Extractor, expected: str | None) -> Opened:
    """The extractor's function, weights loaded once in a process. Raises DataError for other than planned."""
    if extractor.sha256 != expected:
        raise DataError(f"{extractor.kind}: this process sees other weights than the one that planned the work")
    return extractor.open()


def _told(row: int, fault: str, names: Sequence[Any] | None) -> str:
    named = str(names[row]) if names is not None and names[row] is not None else f"row {row} of a batch"
    return f"{named}: {fault}" if fault else named


def tally(first: Sequence[str], count: int) -> str:
    """How many rows have no vector, and the first of them."""
    return f"{counted(count, 'row')} without a vector: {'; '.join(first)}{'; ...' if count > len(first) else ''}"
