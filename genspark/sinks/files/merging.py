"""Small files of one run merged into as few as their sizes ask for: each of Spark's tasks writes its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import polars as pl
import pyarrow.parquet as pq

from genspark.columns.hashing import ORDER, orders
from genspark.columns.names import ID_COLUMN
from genspark.sinks.files.encoder import Encoder, Sample
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.order import FileOrder
from genspark.sinks.files.piles import in_order
from genspark.sinks.files.writer import file_name
from genspark.sinks.files.written import WrittenFile
from genspark.storage.files import file_system
from genspark.storage.hive import folders


def merges(files: Iterable[WrittenFile], layout: Layout) -> list[list[WrittenFile]]:
    """The files to be merged, those of one new file together, where a partition has more files than it needs.

    Files are taken in the order of their paths, so that an order from file to file stays. Those that keep the column
    `ORDER` are all written anew.
    """
    return [
        some
        for _, partition in groupby(sorted(files, key=lambda file: file.path), key=lambda file: file.partition)
        for some in _packed(list(partition), layout)
        if len(some) > 1 or layout.keeps_order
    ]


@dataclass(frozen=True)
class MergeWork:
    """Merges files that one task can hold, their rows in the order of `ORDER`, or else of their ids."""

    folder: str
    layout: Layout

    def __call__(self, files: Sequence[WrittenFile], task: int) -> WrittenFile:
        """Write one file of the rows of these, which are left for the run's sweep."""
        rows = in_order([self._read(file) for file in files])
        encoder = Encoder(self.folder, replace(self.layout, keeps_order=False))
        stored = rows.drop(ORDER, strict=False)
        path = folders(files[0].partition) + file_name(self.layout, task, 0)
        file = encoder.write(stored, path, files[0].partition, Sample.of(stored, encoder))
        return replace(file, order=FileOrder.of(rows[ORDER].to_numpy())) if ORDER in rows.columns else file

    def _read(self, written: WrittenFile) -> pl.DataFrame:
        system, inside = file_system(f"{self.folder}/{written.path}")
        with pq.ParquetFile(inside, filesystem=system) as file:
            rows = pl.DataFrame(pl.from_arrow(file.read()))
        if ORDER in rows.columns or ID_COLUMN not in rows.columns:
            return rows
        return rows.with_columns(pl.Series(ORDER, orders(rows[ID_COLUMN].to_numpy(), self.layout.seed)))


def _packed(files: Sequence[WrittenFile], layout: Layout) -> Iterator[list[WrittenFile]]:
    """The files in runs of about equal size, as many as the target asks for, and none of too many rows."""
    size, most = sum(file.size for file in files), layout.rows_per_file or math.inf
    each = size / min(len(files), max(1, round(size / layout.file_bytes)))
    some: list[WrittenFile] = []
    done, rows = 0, 0
    for file in files:
        if some and (done + file.size / 2 > each or rows + file.rows > most):
            yield some
            some, done, rows = [], 0, 0
        some.append(file)
        done, rows = done + file.size, rows + file.rows
    if some:
        yield some
