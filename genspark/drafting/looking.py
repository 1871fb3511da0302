"""What is in a source: a sample for shapes and quantiles, and one scan that counts all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from genspark.config import Source
from genspark.drafting.kinds import source_of
from genspark.drafting.tails import skew_of
from genspark.drafting.traits import Traits, traits_of
from genspark.errors import SourceError
from genspark.report.bins import Shape, Tally, as_numbers, shape_of
from genspark.report.profile import LINEAGE, MOST_COLUMNS, Profile, profile
from genspark.sources import find_dataset, scan
from genspark.steps.validate.types import TypeName, type_of

SAMPLE = 100_000
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Column:
    """A column: shares and counts of all rows; `distinct`, `quantiles` and `skew` of the sample.

    `kind` is number, time, category, text, bytes or other. Of texts the numbers are those of their lengths. `top` are
    the most frequent values with their shares, `bins` the shares of the bins between the 0.5 % and 99.5 % quantiles.
    `readable_as` is the type that all texts of the sample can be read as, `traits` what its values tell one by one.
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
    traits: Traits = field(default_factory=Traits)


@dataclass(frozen=True)
class Look:
    """What was found of a source. `shapes` and `profile` are how each column was counted, and what that gave."""

    source: Source
    rows: int
    sampled: int
    columns: tuple[Column, ...]
    shapes: Mapping[str, Shape]
    profile: Profile

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        told = {"path": self.source.path, "format": self.source.format, "options": dict(self.source.options)}
        return {
            "source": told,
            "rows": self.rows,
            "sampled": self.sampled,
            "columns": [asdict(c) for c in self.columns],
        }


def look(paths: Sequence[str], source: Source | None = None) -> Look:
    """Look at the files, globs or Delta table at some paths, or at a source as it is described.

    The sample is the first 100,000 rows; then one scan counts all. Raises SourceError where there is nothing to read.
    """
    source = source or source_of(paths)
    frame = scan(find_dataset(source), corrupt=False)
    names = [name for name in frame.collect_schema().names() if name not in LINEAGE][:MOST_COLUMNS]
    sample = frame.select(names).head(SAMPLE).collect(engine="streaming")
    if not sample.height:
        raise SourceError(f"source.path: {source.path}: there are no rows to look at")
    shapes = {name: shape_of([sample[name]]) for name in names}
    found = profile(frame, shapes)
    columns = tuple(_column(name, sample[name], found.tallies.get(name) or Tally(shapes[name])) for name in names)
    return Look(source, found.rows, sample.height, columns, shapes, found)


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
        bins=tuple(tally.shares[1:-1].tolist()) if has_numbers else (),
        traits=traits_of(sample, numbers),
    )
