"""What the footer of a Parquet file tells of how it is laid out. No row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self


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

    @classmethod
    def of(cls, metadata: Any) -> Self:
        """What PyArrow's FileMetaData tells."""
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        sizes = dict.fromkeys(metadata.schema.to_arrow_schema().names, 0)
        leaves = (metadata.schema.column(i).path for i in range(metadata.num_columns))
        tops = {path: _top(path, sizes) for path in leaves}
        dictionaries, statistics, compressions = set(), set(), set()
        for chunk in (group.column(i) for group in groups for i in range(group.num_columns)):
            column = tops[chunk.path_in_schema]
            sizes[column] += chunk.total_uncompressed_size
            compressions.add(chunk.compression)
            if any("DICTIONARY" in encoding for encoding in chunk.encodings):
                dictionaries.add(column)
            if chunk.is_stats_set and chunk.statistics.has_min_max:
                statistics.add(column)
        return cls(
            tuple(Group(group.num_rows, group.total_byte_size) for group in groups),
            tuple(sizes),
            tuple(sizes.values()),
            frozenset(dictionaries),
            frozenset(statistics),
            frozenset(compressions),
        )

    @property
    def rows(self) -> int:
        """The rows of the file."""
        return sum(group.rows for group in self.groups)

    def bytes_a_row(self, columns: Sequence[str]) -> float:
        """The bytes that the values of some columns take in a row, before compression; 0 for no rows."""
        sizes = dict(zip(self.columns, self.column_bytes, strict=True))
        return sum(sizes.get(column, 0) for column in columns) / self.rows if self.rows else 0.0


def _top(path: str, columns: Mapping[str, object]) -> str:
    """The column of a leaf; names may hold dots themselves."""
    return path if path in columns else max((name for name in columns if path.startswith(f"{name}.")), key=len)
