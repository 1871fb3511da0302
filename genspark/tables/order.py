"""The hash order of a file's rows, recomputed from the column `_row_id` that a job writes.

A row's place is the hash of its id under the seed of the stream "order", as a signed number of 64 bits: the column
`ORDER`, which no table keeps. See columns/hashing.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genspark.columns.hashing import ORDER, draw_seed, hash_integers
from genspark.storage.stores import open_file

ROW_ID = "_row_id"
STREAM = "order"
__all__ = ["ORDER", "ROW_ID", "FileOrder", "order_of_file", "overlapping", "places"]


@dataclass(frozen=True)
class FileOrder:
    """Whether a file's rows are in order, and the least and the greatest place of its rows."""

    is_sorted: bool
    first: int
    last: int


def places(row_ids: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """The place of each row in the order of a seed."""
    return hash_integers(np.ascontiguousarray(row_ids), draw_seed(seed, STREAM)).view(np.int64)


def order_of_file(path: str, seed: int) -> FileOrder | None:
    """The order of a file, of which only the column of ids is read; None for no rows. Raises OSError or ValueError."""
    import pyarrow.parquet as pq

    is_sorted, first, last, before = True, [], [], None
    with open_file(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=1 << 18, columns=[ROW_ID]):
            here = places(batch.column(0).to_numpy(zero_copy_only=False).astype(np.int64), seed)
            if not len(here):
                continue
            is_sorted &= bool((here[1:] >= here[:-1]).all()) and (before is None or bool(before <= here[0]))
            before = here[-1]
            first.append(int(here.min()))
            last.append(int(here.max()))
    return FileOrder(is_sorted, min(first), max(last)) if first else None


def overlapping(orders: dict[str, FileOrder]) -> list[str]:
    """The files whose ranges of places meet those of another; none where the files together are in order, too."""
    by_start = sorted(orders, key=lambda name: (orders[name].first, orders[name].last))
    found: set[str] = set()
    widest: str | None = None
    for name in by_start:
        if widest is not None and orders[name].first <= orders[widest].last:
            found |= {name, widest}
        if widest is None or orders[name].last > orders[widest].last:
            widest = name
    return sorted(found)
