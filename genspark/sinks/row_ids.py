"""The rows of a run that share their `_row_id` with another of them: of a key that tells rows apart there are none."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.columns.names import ID_COLUMN
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.sink import Files
from genspark.storage.files import storage_path
from genspark.storage.object_stores import polars_options
from genspark.storage.stores import open_file

Ids = npt.NDArray[np.int64]

MOST_IDS = 1 << 25
"""Ids that are held at a time; of more rows the files are read several times, for a range of ids each."""
MOST_IN_THIS_PROCESS = 200_000_000
"""Rows from which Spark counts, where there is a session."""


@dataclass
class RowIds:
    """Gathers the ids of rows as they are written, while they are few enough to be held."""

    _held: list[Ids] | None = field(default_factory=list)
    _size: int = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take the ids of some rows, if they have them."""
        if self._held is None:
            return
        if ID_COLUMN not in rows.columns or self._size + rows.height > MOST_IDS:
            self._held = None
            return
        self._held.append(_of(rows))
        self._size += rows.height

    def shared(self) -> int | None:
        """The rows that share their id, nulls aside; None where not all ids were held."""
        return None if self._held is None else shared(self._held)


def in_files(folder: str, files: Sequence[WrittenFile]) -> int:
    """The rows of files below a folder that share their id with another row of them. Raises OSError."""
    root = storage_path(folder).rstrip("/")
    return at([f"{root}/{file.path}" for file in files], sum(file.rows for file in files))


def at(paths: Sequence[str], rows: int) -> int:
    """The rows of the files at these paths, so many, that share their id with another row of them. Raises OSError."""
    ranges = max(1, math.ceil(rows / MOST_IDS))
    # Ids are hashes: equal ranges hold about as many of them.
    bounds = [(i << 64) // ranges - (1 << 63) for i in range(ranges + 1)]
    return sum(shared(_batches(paths, low, high - 1)) for low, high in itertools.pairwise(bounds))


def have_ids(rows: Files) -> bool:
    """Whether there is a column of ids in the files, where it tells no partitions apart."""
    return ID_COLUMN in rows.schema and not any(ID_COLUMN in file.partition for file in rows.files)


def shared(some: Iterable[Ids]) -> int:
    """The ids that are there more than once, each as often as it is there; a common one takes no more memory."""
    held, size, left_out = [np.zeros(0, np.int64)], 0, 0
    for batch in some:
        held.append(batch)
        size += len(batch)
        if size > 2 * MOST_IDS:
            ids = _sorted(held)
            # Two of each tell as much as all of them.
            is_third = np.append([False, False], ids[2:] == ids[:-2])
            left_out += int(is_third.sum())
            held = [ids[~is_third]]
            size = len(held[0])
    ids = _sorted(held)
    is_second = np.append([False], ids[1:] == ids[:-1])[: len(ids)]
    return left_out + int((is_second | np.append(is_second[1:], [False])[: len(ids)]).sum())


def _batches(paths: Sequence[str], low: int, high: int) -> Iterator[Ids]:
    """The ids from `low` to `high`."""
    if not paths:
        return
    if paths[0].startswith("hdfs://"):
        yield from _through_arrow(paths, low, high)
        return
    options = polars_options(paths[0])
    scanned = pl.scan_parquet(list(paths), glob=False, hive_partitioning=False, storage_options=options)
    ids = scanned.select(ID_COLUMN).filter(pl.col(ID_COLUMN).is_between(low, high))
    for batch in ids.collect_batches(engine="streaming", maintain_order=False):
        yield _of(batch)


def _through_arrow(paths: Sequence[str], low: int, high: int) -> Iterator[Ids]:
    """The ids in files of a store that Polars does not know."""
    import pyarrow.parquet as pq

    for path in paths:
        with open_file(path) as file:
            for batch in pq.ParquetFile(file).iter_batches(columns=[ID_COLUMN]):
                ids = _of(pl.DataFrame(pl.from_arrow(batch)))
                yield ids[(ids >= low) & (ids <= high)]


def _of(rows: pl.DataFrame) -> Ids:
    return rows[ID_COLUMN].drop_nulls().to_numpy()


def _sorted(some: Sequence[Ids]) -> Ids:
    ids = np.concatenate(some)
    ids.sort()
    return ids
