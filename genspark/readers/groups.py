"""Row groups as they are read: whole, each column once, by PyArrow's file systems; what was read is counted."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from genspark.errors import SourceError
from genspark.readers.cache import CachedFile, DiskCache
from genspark.readers.dense import Stored, stored
from genspark.readers.log import Column
from genspark.readers.plan import Plan, gone
from genspark.storage.files import is_uri
from genspark.storage.object_stores import one_line
from genspark.storage.stores import open_file

FOOTERS = 128
"""Footers that are kept, so that the next group of a file needs no look at its end."""


@dataclass
class Counts:
    """What was read: row groups, the column chunks of these, and their bytes as they are stored, compressed.

    `corrupt` are the images that could not be decoded and were passed over, `fetched` the bytes that a cache had not.
    """

    groups: int = 0
    chunks: int = 0
    bytes: int = 0
    corrupt: int = 0
    fetched: int = 0
    files: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, file: str, chunks: int, size: int) -> None:
        """Count a row group."""
        with self._lock:
            self.groups += 1
            self.chunks += chunks
            self.bytes += size
            self.files.add(file)

    def add_fetched(self, size: int) -> None:
        """Count bytes that a cache had not."""
        with self._lock:
            self.fetched += size

    def add_corrupt(self, images: int) -> None:
        """Count images that could not be decoded."""
        with self._lock:
            self.corrupt += images


class Group:
    """The rows of a row group that count, as columns: `arrow` as they were read, `column` as NumPy has them."""

    def __init__(self, arrow: Mapping[str, pa.Array]) -> None:
        self.arrow = arrow
        self.bytes = sum(array.nbytes for array in arrow.values())
        self._stored: dict[str, Stored] = {}

    def column(self, name: str) -> Stored:
        """A column, dense where it can be."""
        if name not in self._stored:
            self._stored[name] = stored(self.arrow[name], name)
        return self._stored[name]


class Groups:
    """Reads row groups of a plan. It can be used by several threads."""

    def __init__(self, plan: Plan, counts: Counts, cache: DiskCache | None = None) -> None:
        self._plan, self._counts, self._cache = plan, counts, cache
        self._metadata: dict[str, Any] = {}

    def read(self, number: int) -> Group:
        """A row group. Raises SourceError where its file is gone, or is another one than it was."""
        plan = self._plan
        owner = int(plan.owners[number])
        file = plan.files[owner]
        try:
            table, size, chunks = self._read(owner, int(plan.numbers[number]))
        except FileNotFoundError:
            raise gone(file, plan.path, plan.version) from None
        except (OSError, ValueError) as error:
            raise SourceError(f"{file}: row group {plan.numbers[number]} cannot be read: {one_line(error)}") from error
        self._counts.add(file, chunks, size)
        kept = plan.kept.get(number)
        rows = int(plan.rows[number])
        if table.num_rows != rows and kept is None:
            raise SourceError(f"{file}: a row group has {table.num_rows} rows, and had {rows} when the log was read")
        columns = {column.name: _column(table, column, file) for column in plan.columns}
        if kept is not None:
            columns = {name: array.take(pa.array(kept)) for name, array in columns.items()}
        for column, value in zip(plan.partition_by, plan.constants[owner], strict=True):
            columns[column.name] = pa.repeat(pa.scalar(value, column.type), rows)
        for filling in plan.fillings:
            columns = filling.filled(columns)
        for scaling in plan.scalings:
            if scaling.column in columns:
                columns[scaling.column] = scaling.scaled(columns[scaling.column])
        return Group(columns)

    def _file(self, owner: int) -> Any:
        path = self._plan.files[owner]
        if self._cache is None:
            return open_file(path)
        return CachedFile(self._cache, path, self._plan.sizes[owner], open_file)

    def _read(self, owner: int, number: int) -> tuple[pa.Table, int, int]:
        path = self._plan.files[owner]
        is_cached = self._cache is not None
        with self._file(owner) as file:
            parquet = pq.ParquetFile(file, metadata=self._metadata.get(path), pre_buffer=is_cached or is_uri(path))
            metadata = self._metadata.setdefault(path, parquet.metadata)
            if len(self._metadata) > FOOTERS:
                self._metadata.pop(next(iter(self._metadata)), None)
            names = {column.stored for column in self._plan.columns}
            table = parquet.read_row_group(number, columns=sorted(names), use_threads=False)
            group = metadata.row_group(number)
            # A path in the schema begins with the column's name, which may hold dots itself.
            of_columns = [
                chunk
                for chunk in (group.column(place) for place in range(group.num_columns))
                if chunk.path_in_schema in names or chunk.path_in_schema.partition(".")[0] in names
            ]
            if isinstance(file, CachedFile):
                self._counts.add_fetched(file.fetched)
            return table, sum(chunk.total_compressed_size for chunk in of_columns), len(of_columns)


def _column(table: pa.Table, column: Column, file: str) -> pa.Array:
    """A column of a file in the table's type: files that were written before may lack it, or have a narrower one."""
    if column.stored not in table.column_names:
        return pa.nulls(table.num_rows, column.type)
    chunks = table[column.stored].chunks or [pa.nulls(0, table[column.stored].type)]
    array = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    if array.type == column.type or _is_like(array.type, column.type):
        return array
    try:
        # Spark's times may be finer than the table's.
        return array.cast(column.type, safe=not pa.types.is_timestamp(column.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(
            f"{file}: column {column.name!r} is {array.type}, which does not fit the table's {column.type}: "
            f"{one_line(error)}"
        ) from error


def _is_like(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether two types differ by no more than how text, bytes or lists are held, or by what a field is called."""
    if pa.types.is_nested(one) or pa.types.is_nested(other):
        return (
            bool(one.id == other.id)
            and one.num_fields == other.num_fields
            and all(_is_like(one.field(i).type, other.field(i).type) for i in range(one.num_fields))
        )
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    blobs = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return bool(one == other) or any(
        any(is_kind(one) for is_kind in kinds) and any(is_kind(other) for is_kind in kinds) for kinds in (text, blobs)
    )
