"""Profiles of tables: a sample for the shapes of the columns, and one scan that counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from genspark.columns.names import FILE_COLUMN, ID_COLUMN, RECORD_COLUMN
from genspark.engines.polars.meter import METER
from genspark.report.bins import Shape, Tally, shape_of
from genspark.tables.snapshot import Snapshot

SAMPLE = 20_000
MOST_COLUMNS = 100
LINEAGE = (ID_COLUMN, FILE_COLUMN, RECORD_COLUMN)


@dataclass(frozen=True)
class Profile:
    """A table's rows and what was counted of its columns, by name."""

    rows: int
    tallies: Mapping[str, Tally]


def rows_of(snapshot: Snapshot, frame: pl.LazyFrame) -> int:
    """The rows of a table: by its log, where that tells of all files, else counted."""
    counts = [file.rows for file in snapshot.files]
    known = [count for count in counts if count is not None]
    if len(known) == len(counts) and not snapshot.with_vectors:
        return sum(known)
    return int(frame.select(pl.len()).collect(engine="streaming").item())


def columns_of(frame: pl.LazyFrame) -> list[str]:
    """The columns that are looked at: those of the rows themselves, at most `MOST_COLUMNS`."""
    return [name for name in frame.collect_schema().names() if name not in LINEAGE][:MOST_COLUMNS]


def shapes(frames: Sequence[pl.LazyFrame], rows: Sequence[int], columns: Sequence[str]) -> dict[str, Shape]:
    """The shape of each column, from every so-manieth row of each frame that has it: about `SAMPLE` of each."""
    samples = []
    for frame, count in zip(frames, rows, strict=True):
        schema = frame.collect_schema()
        plain = [name for name in columns if name in schema and schema[name] != pl.Binary]
        samples.append(frame.select(plain).gather_every(max(1, count // SAMPLE)).collect(engine="streaming"))
    first = frames[0].collect_schema()
    found = {}
    for name in columns:
        some = [sample[name] for sample in samples if name in sample.columns]
        alike = [one for one in some if _family(one.dtype) == _family(some[0].dtype)]
        found[name] = shape_of(alike) if alike else Shape("bytes", str(first[name]))
    return found


def profile(
    frame: pl.LazyFrame, of: Mapping[str, Shape], sift: Callable[[pl.DataFrame], pl.DataFrame] | None = None
) -> Profile:
    """Count all rows of a frame in one scan, column by column, as far as it has them and they are of that kind.

    `sift` is given each batch with all other columns of the frame, and returns the rows that count.
    """
    schema = frame.collect_schema()
    tallies = {
        name: Tally(shape)
        for name, shape in of.items()
        if name in schema and shape.is_counted and _fits(schema[name], shape)
    }
    rows = 0
    beside = [name for name in schema.names() if name not in of] if sift else []
    # Without a column there are no rows to count.
    wanted = [*tallies, *beside] or schema.names()[:1]
    for given in frame.select(wanted).collect_batches(engine="streaming", maintain_order=False):
        METER.add(given.height)
        batch = sift(given) if sift else given
        rows += batch.height
        for name, tally in tallies.items():
            tally.add(batch[name])
    return Profile(rows, tallies)


def _family(dtype: pl.DataType) -> str:
    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        return str(dtype)
    return "other" if dtype.is_nested() else "name"


def _fits(dtype: pl.DataType, shape: Shape) -> bool:
    families = {"number": "number", "time": shape.dtype, "category": "name", "text": "name", "other": "other"}
    return _family(dtype) == families.get(shape.kind)
