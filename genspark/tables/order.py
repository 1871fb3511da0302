"""The hash order of a file's rows, recomputed from the column `_row_id` that a job writes.

A row's place is a hash of its id, the column `ORDER`, which no table keeps: see columns/hashing.py.
"""

from __future__ import annotations

import numpy as np

from genspark.columns.hashing import orders
from genspark.sinks.files.order import FileOrder
from genspark.storage.stores import open_file

ROW_ID = "_row_id"


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
