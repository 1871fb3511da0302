"""The proof of an erasure: every file in some folders is searched for what tells of persons."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from genspark.storage.files import file_system
from genspark.storage.stores import open_file
from genspark.tables.erasing.persons import Persons
from genspark.tables.footers import Tell, silent
from genspark.tables.rows import BATCH

MAGIC = b"PAR1"


@dataclass(frozen=True)
class Searched:
    """The files that were searched, and the paths of those that tell of a person still."""

    files: int
    left: tuple[str, ...]


def search(folders: Iterable[str], persons: Persons, tell: Tell = silent) -> Searched:
    """Search every file in the folders, once. A file that cannot be read counts as one that tells."""
    files = sorted({path for folder in folders for path in files_in(folder)})
    left = []
    for done, path in enumerate(files, start=1):
        if tells(path, persons):
            left.append(path)
        tell(done, len(files))
    return Searched(len(files), tuple(left))


def files_in(folder: str) -> Iterator[str]:
    """Every file below a folder, hidden ones among them."""
    from pyarrow import fs

    system, inside = file_system(folder)
    for info in system.get_file_info(fs.FileSelector(inside, recursive=True, allow_not_found=True)):
        if info.is_file:
            yield f"{folder.rstrip('/')}/{info.path.removeprefix(inside).lstrip('/')}"


def tells(path: str, persons: Persons) -> bool:
    """Whether a file tells of a person: Parquet in its rows, its bounds or its metadata, all else in its bytes."""
    words = persons.in_bytes
    if words and words.search(path.encode()):
        return True
    try:
        with open_file(path) as file:
            content = bytes(file.read())
    except (OSError, ValueError):
        return True
    if words and words.search(content):
        return True
    if content[:4] == MAGIC:
        return _in_parquet(content, persons)
    return any(persons.are_told(value) for value in _documents(content))


def _documents(content: bytes) -> Iterator[Any]:
    """The JSON of a file: as a whole, or line by line."""
    text = content.decode("utf-8", errors="replace")
    try:
        yield json.loads(text)
    except ValueError:
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _in_parquet(content: bytes, persons: Persons) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        for batch in file.iter_batches(batch_size=BATCH, use_threads=False):
            frame = pl.DataFrame(batch)
            if frame.select(persons.rows(frame.schema).any()).item():
                return True
            if any(_has_text(series, persons) for series in frame.get_columns()):
                return True
    except (OSError, ValueError, pa.ArrowException, pl.exceptions.PolarsError):
        return True
    return False


def _has_text(series: pl.Series, persons: Persons) -> bool:
    """Whether a column has a person's key in its texts, at any depth; texts of JSON are read as such."""
    dtype = series.dtype
    if isinstance(dtype, pl.List | pl.Array):
        return _has_text(series.explode(), persons)
    if isinstance(dtype, pl.Struct):
        inner = series.struct.unnest()
        is_there = inner.select(persons.rows(inner.schema).any()).item()
        return bool(is_there) or any(_has_text(one, persons) for one in inner.get_columns())
    if dtype != pl.String:
        return False
    if persons.in_text and series.str.contains(persons.in_text).any():
        return True
    documents = series.filter(series.str.starts_with("{") | series.str.starts_with("["))
    return any(persons.are_told(text) for text in documents.to_list())
