"""What is in a source: a sample for shapes and quantiles, and one scan that counts all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from genspark.config import Source
from genspark.drafting.kinds import Told, source_of
from genspark.drafting.narrowing import NEARLY
from genspark.drafting.reading import Reading, Unread, explained, reading_of, rows_of
from genspark.drafting.regular import lengths_of, pattern_of, rising
from genspark.drafting.tails import skew_of
from genspark.drafting.traits import Traits, traits_of
from genspark.report.bins import Shape, Tally, as_numbers, shape_of
from genspark.report.profile import LINEAGE, Profile, profile
from genspark.steps.expect import is_ordered
from genspark.steps.validate.types import TypeName, type_of
from genspark.tables.hiding import Hidden

MOST_COLUMNS = 1_000
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Column:
    """A column: shares and counts of all rows; `distinct`, `quantiles` and `skew` of the sample.

    `kind` is number, time, category, text, bytes or other. Of texts the numbers are those of their lengths. `top` are
    the most frequent values with their shares, `bins` the shares of the bins between the 0.5 % and 99.5 % quantiles.
    `readable_as` is the type that all texts of the sample can be read as, `pattern` the regular expression that all
    fit, `lengths` the least and the most of their characters; `rises_along` is the column along which values never
    fall, where the sample has all rows. `traits` is what values tell one by one.
    """

    name: str
    dtype: str
    kind: str
    missing: float
    distinct: int
    is_unique: bool
    is_whole: bool
    least: float | None
    greatest: float | None
    mean: float | None
    deviation: float | None
    skew: float | None
    outliers: float
    quantiles: tuple[float, ...]
    top: tuple[tuple[str, float], ...]
    others: float
    bins: tuple[float, ...]
    readable_as: TypeName | None = None
    pattern: str | None = None
    lengths: tuple[int, int] | None = None
    rises_along: str | None = None
    traits: Traits = field(default_factory=Traits)


@dataclass(frozen=True)
class Look:
    """What was found of a source. `shapes` and `profile` are how each column was counted, and what that gave.

    `rows` are those that can be read, and `unread` the records that cannot, of which a job writes the text to its
    quarantine. `names` are those of all columns but those of lineage, of which the first 1,000 are looked at. `notes`
    tell how the source is read and why, a line for each. Of the columns `hidden` no value is told.
    """

    source: Source
    rows: int
    sampled: int
    columns: tuple[Column, ...]
    shapes: Mapping[str, Shape]
    profile: Profile
    names: tuple[str, ...]
    unread: Unread
    notes: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()

    def without(self, hidden: Hidden) -> Look:
        """The same without a value of the columns that a job hides."""
        names = {c.name for c in self.columns if hidden.hides(c.name, is_text=c.dtype == "String")}
        columns = tuple(_untold(c) if c.name in names else c for c in self.columns)
        return replace(self, columns=columns, hidden=frozenset(names))

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know beside the columns: records and columns that are not in the figures, and notes."""
        lines = []
        if self.unread.count:
            every = self.rows + self.unread.count
            lines.append(
                f"{self.unread.count:,} of {every:,} records cannot be read, and are in no figure; "
                f"a job sets them aside in its quarantine: {self.unread.example}"
            )
        if len(self.names) > len(self.columns):
            lines.append(f"the first {len(self.columns):,} of {len(self.names):,} columns are looked at")
        return (*lines, *self.notes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        told = {"path": self.source.path, "format": self.source.format, "options": dict(self.source.options)}
        return {
            "source": {**told, "schema": self.source.schema_},
            "rows": self.rows,
            "unread": self.unread.count,
            "told": list(self.told),
            "sampled": self.sampled,
            "columns": [asdict(c) for c in self.columns],
        }


def look(paths: Sequence[str], source: Source | None = None) -> Look:
    """Look at the files, globs or Delta table at some paths, or at a source as it is described.

    The sample is the first 100,000 rows, fewer of very many columns; then one scan counts all. Raises SourceError where
    there is nothing to read, or most records cannot be.
    """
    told = Told(source) if source else source_of(paths)
    reading = reading_of(told, is_free=source is None)
    seen = _counted(reading)
    if reading.wide and seen.unread.count > (1.0 - NEARLY) * (seen.rows + seen.unread.count):
        # Further on too many records do not fit the types that the first ones have.
        return _counted(reading.wide)
    return seen


def _counted(reading: Reading) -> Look:
    dataset, sample, unread = reading.dataset, reading.rows, Unread()
    own = tuple(name for name in dataset.schema if name not in LINEAGE)
    names = list(own[:MOST_COLUMNS])
    shapes = {name: shape_of([sample[name]]) for name in names}
    with explained(dataset):
        found = profile(rows_of(dataset, names), shapes, unread.take_out)
    columns = tuple(_column(name, sample[name], found.tallies.get(name) or Tally(shapes[name])) for name in names)
    if len(sample) == found.rows:
        columns = _ordered(columns, sample)
    return Look(reading.source, found.rows, len(sample), columns, shapes, found, own, unread, reading.notes)


def _ordered(columns: tuple[Column, ...], sample: pl.DataFrame) -> tuple[Column, ...]:
    """The columns with what they rise along: the first time, or else the first number that tells rows apart."""
    dtypes = nw.from_native(sample).schema
    able = [c for c in columns if c.missing == 0 and (c.is_unique or c.kind == "time") and is_ordered(dtypes[c.name])]
    first = min(able, key=lambda column: column.kind != "time", default=None)
    if first is None:
        return columns
    others = [column.name for column in able if column is not first and column.distinct > 1]
    found = rising(sample.select(first.name, *others), first.name)
    return tuple(replace(c, rises_along=first.name) if c.name in found else c for c in columns)


def _untold(column: Column) -> Column:
    """The column without values, and without what is made of them; what is missing is told."""
    bare = replace(column, least=None, greatest=None, mean=None, deviation=None, skew=None, readable_as=None)
    return replace(
        bare, quantiles=(), top=(), bins=(), traits=Traits(personal=column.traits.personal), pattern=None, lengths=None
    )


def _column(name: str, sample: pl.Series, tally: Tally) -> Column:
    kind = tally.shape.kind
    numbers = np.zeros(0)
    if kind in ("number", "time"):
        numbers = as_numbers(sample)
    elif kind == "text":
        numbers = sample.cast(pl.String).str.len_chars().drop_nulls().cast(pl.Float64).to_numpy()
    numbers = numbers[np.isfinite(numbers)]
    there = sample.drop_nulls()
    distinct = there.n_unique() if kind not in ("bytes", "other") else 0
    has_numbers = tally.n > 0 and kind in ("number", "time", "text")
    counted = sorted(tally.counts.items(), key=lambda pair: -pair[1])
    return Column(
        name=name,
        dtype=str(sample.dtype),
        kind=kind,
        missing=tally.missing / tally.rows if tally.rows else sample.null_count() / len(sample),
        distinct=distinct,
        is_unique=bool(distinct) and distinct == len(sample),
        is_whole=bool(sample.dtype.is_integer()),
        least=tally.least if has_numbers else None,
        greatest=tally.greatest if has_numbers else None,
        mean=tally.mean if has_numbers else None,
        deviation=tally.deviation if has_numbers else None,
        skew=skew_of(numbers),
        outliers=tally.outliers / tally.n if tally.n else 0.0,
        quantiles=tuple(np.quantile(numbers, PROBABILITIES).tolist()) if len(numbers) else (),
        top=tuple((value, count / tally.n) for value, count in counted if count) if tally.n else (),
        others=tally.others / tally.n if tally.n else 0.0,
        readable_as=type_of(sample) if sample.dtype == pl.String else None,
        pattern=pattern_of(sample) if sample.dtype == pl.String else None,
        lengths=lengths_of(sample) if sample.dtype == pl.String else None,
        bins=tuple(tally.shares[1:-1].tolist()) if has_numbers else (),
        traits=traits_of(sample, numbers),
    )
