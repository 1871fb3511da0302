"""The plan of a reading: the row groups of one version of a table and what is read of each, as plain data.

It is made once, from the log and the footers, and can be pickled: who has it opens files and needs no log.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from genspark.errors import SchemaError, SourceError, did_you_mean
from genspark.readers.log import Column, LoggedFile, Version
from genspark.readers.nulls import Filling
from genspark.readers.order import Integers
from genspark.readers.scaling import Scaling
from genspark.readers.where import Where, matching
from genspark.storage.object_stores import one_line
from genspark.storage.stores import open_file

ROW_ID = "_row_id"
"""The column of a row's identity, which jobs of genspark write."""
AT_ONCE = 32
"""Footers that are read at a time."""


@dataclass(frozen=True)
class Plan:
    """What is to be read of a version of a table.

    `columns` are those of files, `sizes` the files' bytes, `constants` the values of partition columns, by file. Row
    group i is number `numbers[i]` of file `files[owners[i]]` and has `rows[i]` rows that count; where not all do,
    `kept[i]` has their places. `bytes_a_row` are those of a row's columns before compression, on average.
    `fillings` tell what stands for null, `scalings` what is scaled then.
    """

    path: str
    table: str
    version: int
    columns: tuple[Column, ...]
    partition_by: tuple[Column, ...]
    files: tuple[str, ...]
    sizes: tuple[int, ...]
    constants: tuple[tuple[Any, ...], ...]
    owners: Integers = field(repr=False)
    numbers: Integers = field(repr=False)
    rows: Integers = field(repr=False)
    kept: Mapping[int, Integers] = field(repr=False, default_factory=dict)
    bytes_a_row: float = 0.0
    properties: Mapping[str, str] = field(repr=False, default_factory=dict)
    fillings: tuple[Filling, ...] = ()
    scalings: tuple[Scaling, ...] = ()

    @property
    def total(self) -> int:
        """The rows of the table that are read in an epoch."""
        return int(self.rows.sum())

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of a batch."""
        told = (filling.mask for filling in self.fillings if filling.is_told)
        return (*(column.name for column in (*self.columns, *self.partition_by)), *told)

    def without(self, column: str) -> Plan:
        """The plan that leaves a column out."""
        fillings = tuple(one for one in self.fillings if one.column != column)
        columns = tuple(one for one in self.columns if one.name != column)
        return replace(self, columns=columns, fillings=fillings)

    @property
    def bare(self) -> Plan:
        """The plan of the values that files have."""
        return replace(self, fillings=(), scalings=())

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the table, its version and the rows of each row group: equal plans read the same rows."""
        digest = hashlib.sha256(f"{self.table} {self.version} {len(self.files)}".encode())
        for part in (self.owners, self.numbers, self.rows, *self.kept.values()):
            digest.update(part.astype("<i8").tobytes())
        # Where a table is may change, as when it is mounted elsewhere.
        roots = self.path.split(", ")
        names = (functools.reduce(str.removeprefix, roots, file) for file in self.files)
        digest.update("\0".join(names).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class _Footer:
    rows: tuple[int, ...]
    bytes: int


def make_plan(version: Version, columns: Sequence[str] | None = None, where: Where | None = None) -> Plan:
    """The plan to read some columns, all if None, of the rows that `where` lets through.

    Raises SchemaError for a column that is not there, and SourceError for a file that cannot be read.
    """
    wanted = _wanted(version, columns)
    files, _ = matching(version, where)
    footers = _footers(version, files, [column.stored for column in wanted])
    owners: list[int] = []
    numbers: list[int] = []
    rows: list[int] = []
    kept: dict[int, Integers] = {}
    for owner, (file, footer) in enumerate(zip(files, footers, strict=True)):
        start = 0
        for number, count in enumerate(footer.rows):
            here = None if file.kept is None else _kept(file.kept, start, start + count)
            if here is not None and len(here) < count:
                kept[len(rows)] = here
            owners.append(owner)
            numbers.append(number)
            rows.append(count if here is None else len(here))
            start += count
    partition_by = [column for column in wanted if column.name in version.partition_by]
    all_rows = sum(sum(footer.rows) for footer in footers)
    return Plan(
        version.path,
        version.table,
        version.number,
        tuple(column for column in wanted if column.name not in version.partition_by),
        tuple(partition_by),
        tuple(file.path for file in files),
        tuple(file.size for file in files),
        tuple(tuple(file.partition[column.name] for column in partition_by) for file in files),
        np.array(owners, np.int64),
        np.array(numbers, np.int64),
        np.array(rows, np.int64),
        kept,
        sum(footer.bytes for footer in footers) / max(1, all_rows),
        version.properties,
    )


def _wanted(version: Version, columns: Sequence[str] | None) -> list[Column]:
    """The columns asked for, in their order; Raises SchemaError."""
    by_name = {column.name: column for column in version.columns}
    names = [column.name for column in version.columns] if columns is None else list(dict.fromkeys(columns))
    problems = [f"columns: {name!r} is no column{did_you_mean(name, by_name)}" for name in names if name not in by_name]
    if problems:
        raise SchemaError(problems)
    return [by_name[name] for name in names]


def _kept(kept: npt.NDArray[np.bool_], start: int, end: int) -> Integers:
    """The places, in a row group, of the rows that are not deleted: a vector may end before the file does."""
    here = kept[start:end]
    rest = np.ones(end - start - len(here), bool)
    return np.flatnonzero(np.concatenate([here, rest])).astype(np.int64)


def _footers(version: Version, files: Sequence[LoggedFile], columns: Sequence[str]) -> list[_Footer]:
    wanted = frozenset(columns)

    def read(file: LoggedFile) -> _Footer:
        try:
            return _footer(file.path, wanted)
        except FileNotFoundError:
            raise gone(file.path, version.path, version.number) from None
        except (OSError, ValueError) as error:
            raise SourceError(f"{file.path}: cannot be read ({one_line(error)}); restore the file") from error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(read, files))


def _footer(path: str, columns: frozenset[str]) -> _Footer:
    import pyarrow.parquet as pq

    with open_file(path) as file:
        metadata = pq.read_metadata(file)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if not groups:
        return _Footer((), 0)
    # The first group tells how large values are.
    chunks = (groups[0].column(number) for number in range(metadata.num_columns))
    of_columns = [chunk for chunk in chunks if _is_of(chunk.path_in_schema, columns)]
    share = sum(chunk.total_uncompressed_size for chunk in of_columns) / max(1, groups[0].num_rows)
    return _Footer(tuple(group.num_rows for group in groups), int(share * metadata.num_rows))


def _is_of(path: str, columns: frozenset[str]) -> bool:
    return path in columns or any(path.startswith(f"{column}.") for column in columns)


def gone(file: str, path: str, version: int) -> SourceError:
    """The error for a file of a version that is no longer there."""
    return SourceError(
        f"{file} is gone, which version {version} of {path} needs: a vacuum deleted it; read a newer version, and keep "
        f"files longer: genspark maintain {path} --retain 60d"
    )
