"""The sample that is reviewed: as many items of each stratum, by seeded hashes, so that it is the same everywhere."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genspark.columns.names import ID_COLUMN
from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.rows.samples import hashes

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

STRATUM, SAMPLE_ID = "__genspark_stratum", "__genspark_sample_id"
MOST_STRATA = 1_000


@dataclass(frozen=True)
class _Drawn:
    """Of each stratum the rows of the smallest hashes."""

    most: int
    rows: pl.DataFrame | None

    def merged(self, other: _Drawn) -> _Drawn:
        import polars as pl

        if self.rows is None or other.rows is None:
            return self if other.rows is None else other
        return _smallest(pl.concat([self.rows, other.rows], how="vertical_relaxed"), self.most)


def drawn(frame: Any, columns: Sequence[str], by: str | None, count: int, seed: int, name: str) -> pl.DataFrame:
    """`count` rows, as many of each value of the column `by` as there are, with stratum and the hash drawn by.

    Rows that are alike are drawn once. Raises DataError for fewer rows than that, and for more strata than items.
    """
    import polars as pl

    there = parts.columns_of(frame)
    wanted = [*columns, *([by] if by else []), *([ID_COLUMN] if ID_COLUMN in there else [])]
    parts.check_columns(frame, wanted, name)
    hashed = [ID_COLUMN] if ID_COLUMN in there else there
    work = functools.partial(_some, wanted=wanted, hashed=hashed, by=by, most=count, seed=seed)
    found = parts.merged(frame, list(dict.fromkeys([*wanted, *hashed])), work, name).rows
    if found is None or found.height < count:
        raise DataError(f"{name} has {0 if found is None else found.height} distinct rows to draw {count} items from")
    strata = found[STRATUM].n_unique()
    if strata > count:
        raise DataError(f"{name} has {strata} strata of {by!r} for {count} items; have more items, or fewer strata")
    # Round by round an item of each stratum.
    turns = found.with_columns(pl.int_range(pl.len()).over(STRATUM).alias("__turn"))
    return turns.sort("__turn", STRATUM, SAMPLE_ID).head(count).drop("__turn")


def _some(
    found: Iterator[pa.Table], wanted: list[str], hashed: list[str], by: str | None, most: int, seed: int
) -> _Drawn:
    import polars as pl

    state = _Drawn(most, None)
    for table in found:
        rows = pl.DataFrame(pl.from_arrow(table))
        if not rows.height:
            continue
        stratum = pl.col(by).cast(pl.String).fill_null("") if by else pl.lit("")
        some = rows.select(*wanted, stratum.alias(STRATUM), hashes(rows.select(hashed), seed).alias(SAMPLE_ID))
        state = state.merged(_smallest(some, most))
    return state


def _smallest(rows: pl.DataFrame, most: int) -> _Drawn:
    import polars as pl

    kept = rows.unique(SAMPLE_ID, keep="first").sort(STRATUM, SAMPLE_ID)
    if kept[STRATUM].n_unique() > MOST_STRATA:
        raise DataError(f"there are more than {MOST_STRATA:,} strata; choose a column of fewer values")
    return _Drawn(most, kept.filter(pl.int_range(pl.len()).over(STRATUM) < most))
