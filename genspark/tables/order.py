"""The hash order of a file's rows, recomputed from the column `_row_id` that a job writes.

A row's place is a hash of its id, the column `ORDER`, which no table keeps: see columns/hashing.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from genspark.columns.hashing import orders
from genspark.storage.stores import open_file

ROW_ID = "_row_id"


@dataclass(frozen=True)
class FileOrder:
    """Whether a file's rows are in order, and the least and the greatest place of its rows."""

    is_sorted: bool
    first: int
    last: int


def order_of_file(path: str, seed: int) -> FileOrder | None:
    """The order of a file, of which only the column of ids is read; None for no rows. Raises OSError or ValueError."""
    import pyarrow.parquet as pq

    is_sorted, first, last, before = True, [], [], None
    with open_file(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=1 << 18, columns=[ROW_ID]):
            here = orders(batch.column(0).to_numpy(zero_copy_only=False).astype(np.int64), seed)
            if not len(here):
                continue
            is_sorted &= bool((here[1:] >= here[:-1]).all()) and (before is None or bool(before <= here[0]))
            before = here[-1]
            first.append(int(here.min()))
            last.append(int(here.max()))
    return FileOrder(is_sorted, min(first), max(last)) if first else None


def overlapping(found: Mapping[str, FileOrder]) -> list[str]:
    """The files whose ranges of places meet those of another; none where the files together are in order, too."""
    by_start = sorted(found, key=lambda name: (found[name].first, found[name].last))
    meeting: set[str] = set()
    widest: str | None = None
    for name in by_start:
        if widest is not None and found[name].first <= found[widest].last:
            meeting |= {name, widest}
        if widest is None or found[name].last > found[widest].last:
            widest = name
    return sorted(meeting)
