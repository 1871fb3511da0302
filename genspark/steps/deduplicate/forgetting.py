"""Lists of duplicates without rows that are erased, which are known by the hashes of their keys."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from genspark.steps.deduplicate.clusters import BY_PLACE, CLUSTER, ID, number
from genspark.storage.spill import save_over


def without(members: pl.DataFrame, row_ids: Sequence[int], *, takes_out: bool) -> pl.DataFrame:
    """The members without these rows; those that are known by their place alone stay: it is a place and no person.

    With `takes_out` the number of a cluster, which is made of the hash of the row that stayed, becomes 0 where that is
    one of them: what becomes of the others does not depend on it. Without, rows of the table have the number.
    """
    gone = pl.Series(row_ids, dtype=pl.Int64)
    kept = members.filter(pl.col(BY_PLACE) | ~pl.col(ID).is_in(gone.implode()))
    theirs = pl.select(number(pl.lit(gone))).to_series()
    is_theirs = pl.lit(takes_out) & pl.col(CLUSTER).is_in(theirs.implode())
    return kept.with_columns(pl.when(is_theirs).then(0).otherwise(CLUSTER).alias(CLUSTER))


def erase(path: str, row_ids: Sequence[int], *, takes_out: bool) -> int:
    """Take rows out of a local list, which is replaced at once; return how many were there. Raises OSError."""
    members = pl.read_ipc(path)
    kept = without(members, row_ids, takes_out=takes_out)
    if not kept.equals(members):
        save_over(kept, path)
    return members.height - kept.height
