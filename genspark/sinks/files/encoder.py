"""One Parquet file from a frame whose rows are in order."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from genspark.engines.polars.meter import METER
from genspark.sinks.files.footer import Footer
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.log_statistics import log_statistics
from genspark.sinks.files.written import WrittenFile
from genspark.storage.files import writing

IMAGES_IN_A_GROUP = (1_000, 4_000)
"""Rows of a group where values are bytes: readers fetch whole groups, and shuffle them."""
MOST_ROWS_IN_A_GROUP = 1 << 20
_BLOB = 512
"""Bytes of a row's binary values from which it counts as holding an image, or the like."""
_SAMPLE_ROWS = 16_384
_MOST_IN_A_DICTIONARY = 1 << 17
"""Numbers in the largest dictionary that is kept: 1 MiB of them."""


@dataclass(frozen=True)
class Sample:
    """What some of the rows tell about all: the bytes of each, and which columns a dictionary is worth to.

    `in_memory`, `encoded` and `stored` are the bytes that a row takes: in memory, in a row group before compression,
    and on disk. Values of the columns `unlike` hardly repeat.
    """

    in_memory: float = 1.0
    encoded: float = 1.0
    stored: float = 1.0
    unlike: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rows: pl.DataFrame, encoder: Encoder) -> Sample:
        """Measured by encoding some of the rows, of which there is at least one."""
        some = rows.head(_SAMPLE_ROWS)
        sink = pa.BufferOutputStream()
        unlike = frozenset(_unlike(some))
        footer = encoder.encode(some, sink, some.height, unlike)
        encoded = sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
        in_memory = max(1, some.estimated_size())
        return cls(in_memory / some.height, encoded / some.height, sink.getvalue().size / some.height, unlike)


NO_ROWS = Sample()


@dataclass(frozen=True)
class Encoder:
    """Writes Parquet files of a layout below a folder."""

    folder: str
    layout: Layout

    def write(self, rows: pl.DataFrame, path: str, partition: Mapping[str, str | None], sample: Sample) -> WrittenFile:
        """Write a file of these rows at a path below the folder. Raises OSError."""
        with writing(f"{self.folder}/{path}") as stream:
            size = self.rows_in_a_group(rows, sample)
            footer = self.encode(rows, stream, size, sample.unlike, lambda some: METER.add(written=some))
            written = stream.tell()
        stats = log_statistics(footer, self.layout.indexed(rows.columns))
        return WrittenFile(path, written, rows.height, partition, stats, int(time.time() * 1000), Footer.of(footer))

    def encode(
        self,
        rows: pl.DataFrame,
        stream: Any,
        rows_in_a_group: int,
        unlike: frozenset[str] = frozenset(),
        told: Callable[[int], None] = lambda _: None,
    ) -> Any:
        """Write the rows to a stream, with no dictionary of the columns `unlike`; return the footer.

        `told` is called with the rows of each group when it is written.
        """
        alike = {name: dtype for name, dtype in rows.schema.items() if name not in unlike}
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        footers: list[Any] = []
        writer = pq.ParquetWriter(
            stream,
            table.schema,
            **self.layout.compression.for_arrow,
            # Values of a blob do not repeat, and a dictionary of them would be written beside them.
            use_dictionary=[leaf for name, dtype in alike.items() for leaf in _repeating(name, dtype)],
            write_statistics=self.layout.indexed(rows.columns),
            # What Spark and Delta call a timestamp.
            coerce_timestamps="us",
            allow_truncated_timestamps=True,
            # PyArrow's own types would come back to PyArrow's readers alone.
            store_schema=False,
            metadata_collector=footers,
        )
        try:
            for start in range(0, table.num_rows, rows_in_a_group):
                group = table.slice(start, rows_in_a_group)
                writer.write_table(group, row_group_size=rows_in_a_group)
                told(group.num_rows)
        except BaseException:
            # To close it would fail, too, and hide why.
            writer.is_open = False
            raise
        writer.close()
        return footers[0]

    def rows_in_a_group(self, rows: pl.DataFrame, sample: Sample) -> int:
        """The rows of each group, all alike, so that no group is a small rest."""
        most = max(1, int(self.layout.group_bytes / max(sample.encoded, 1e-9)))
        blobs = [name for name, dtype in rows.schema.items() if dtype == pl.Binary]
        if blobs and rows.select(blobs).estimated_size() >= _BLOB * rows.height:
            fewest, enough = IMAGES_IN_A_GROUP
            most = min(max(most, fewest), enough)
        most = min(most, MOST_ROWS_IN_A_GROUP)
        return math.ceil(rows.height / max(1, math.ceil(rows.height / most)))


def _unlike(some: pl.DataFrame) -> Iterator[str]:
    """The columns of whose values a dictionary would outgrow a page, and be given up."""
    for name, dtype in some.schema.items():
        if dtype.is_integer() or dtype in (pl.String, pl.Date):
            twins = some.height - some[name].n_unique()
            # Of n values drawn from d, about n * n / 2 d are twins.
            if twins * 2 * _MOST_IN_A_DICTIONARY < some.height**2:
                yield name


def _repeating(path: str, dtype: pl.DataType) -> Iterator[str]:
    """The leaves of a column that a dictionary may be worth to: text and whole numbers; doubles hardly ever repeat."""
    if isinstance(dtype, pl.List | pl.Array):
        yield from _repeating(f"{path}.list.element", dtype.inner)  # type: ignore[arg-type]
    elif isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            yield from _repeating(f"{path}.{field.name}", field.dtype)  # type: ignore[arg-type]
    elif dtype in (pl.String, pl.Date) or dtype.is_integer() or isinstance(dtype, pl.Categorical | pl.Enum):
        yield path
