"""The footers of Parquet files: row groups, encodings, which columns have statistics. No row is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TypeVar

from genspark.storage.object_stores import one_line
from genspark.storage.stores import open_file
from genspark.tables.snapshot import DataFile

AT_ONCE = 16
"""Files that are open at a time."""

Tell = Callable[[int, int], None]
"""Told how many files are done, of how many."""
Found = TypeVar("Found")


def silent(_done: int, _known: int) -> None:
    """The `Tell` that nobody hears."""


@dataclass(frozen=True)
class Group:
    """A row group: its rows, and its bytes before compression."""

    rows: int
    bytes: int


@dataclass(frozen=True)
class Footer:
    """What a footer tells. Columns are top-level ones; `columns` are in the file's order.

    `with_dictionary`, `with_statistics`: the columns of which some row group has one. `compressions`: of all chunks.
    `column_bytes`: before compression, in the order of `columns`.
    """

    groups: tuple[Group, ...]
    columns: tuple[str, ...]
    column_bytes: tuple[int, ...]
    with_dictionary: frozenset[str]
    with_statistics: frozenset[str]
    compressions: frozenset[str]

    @property
    def rows(self) -> int:
        """The rows of the file."""
        return sum(group.rows for group in self.groups)

    def bytes_a_row(self, columns: Sequence[str]) -> float:
        """The bytes that the values of some columns take in a row, before compression; 0 for no rows."""
        sizes = dict(zip(self.columns, self.column_bytes, strict=True))
        return sum(sizes.get(column, 0) for column in columns) / self.rows if self.rows else 0.0


def read_footer(path: str) -> Footer:
    """The footer of a file. Raises OSError or ValueError."""
    import pyarrow.parquet as pq

    with open_file(path) as file:
        metadata = pq.read_metadata(file)
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    sizes = dict.fromkeys(metadata.schema.to_arrow_schema().names, 0)
    tops = {path: _top(path, sizes) for path in (metadata.schema.column(i).path for i in range(metadata.num_columns))}
    dictionaries, statistics, compressions = set(), set(), set()
    for chunk in (group.column(i) for group in groups for i in range(group.num_columns)):
        column = tops[chunk.path_in_schema]
        sizes[column] += chunk.total_uncompressed_size
        compressions.add(chunk.compression)
        if any("DICTIONARY" in encoding for encoding in chunk.encodings):
            dictionaries.add(column)
        if chunk.is_stats_set and chunk.statistics.has_min_max:
            statistics.add(column)
    return Footer(
        tuple(Group(group.num_rows, group.total_byte_size) for group in groups),
        tuple(sizes),
        tuple(sizes.values()),
        frozenset(dictionaries),
        frozenset(statistics),
        frozenset(compressions),
    )


def of_each(
    files: Iterable[DataFile], look: Callable[[str], Found], tell: Tell
) -> tuple[dict[str, Found], dict[str, str]]:
    """What a look at each file finds, by the file's name, and the cause for each file that cannot be read."""
    found: dict[str, Found] = {}
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pending: dict[Any, str] = {pool.submit(look, file.path): file.name for file in files}
        for done, future in enumerate(as_completed(pending), start=1):
            try:
                found[pending[future]] = future.result()
            except (OSError, ValueError) as error:
                failed[pending[future]] = one_line(error)
            tell(done, len(pending))
    return found, failed


def sample(files: Sequence[DataFile], most: int | None) -> list[DataFile]:
    """At most so many files, spread evenly over all; None: all."""
    if most is None or len(files) <= most:
        return list(files)
    return [files[len(files) * i // most] for i in range(most)]


def _top(path: str, columns: Iterable[str]) -> str:
    """The column of a leaf; names may hold dots themselves."""
    return max((name for name in columns if path == name or path.startswith(f"{name}.")), key=len)
