"""From the signatures of rows to clusters: which rows are each other's duplicates, and which of them stays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from genspark.errors import DataError
from genspark.statistics import Signatures, State
from genspark.statistics.signatures import CONTENTS, FIRST, KEY, PART, PLACE, RANK, ROWS, SECOND
from genspark.steps.deduplicate import index
from genspark.steps.deduplicate.near import Texts, near_images, near_texts
from genspark.storage import spill

CLUSTER, GROUP, IS_OLD, IS_LOST = "cluster", "group", "is_old", "is_lost"
ID, BY_PLACE = "id", "by_place"
CONTENT = [FIRST, SECOND]
MOST_AT_ONCE = 1 << 25
"""Rows whose contents are counted at a time."""


@dataclass(frozen=True)
class Rule:
    """What makes contents near, and which row stays: the one with the first rank, `descending` or not."""

    threshold: float
    distance: int
    descending: bool
    takes_out: bool


@dataclass(frozen=True)
class Clusters:
    """The clusters that were found among some rows.

    `members` has a row for each row that goes, or without `takes_out` for each that is in a cluster: the hash of its
    key or of its place, which `by_place` tells, and the number of its cluster. `across` counts the clusters of each
    set of parts.
    """

    members: pl.DataFrame
    rows: int
    clusters: int
    duplicates: int
    largest: int
    across: dict[str, int] = field(default_factory=dict)
    index: index.Files | None = None


def find(statistic: Signatures, state: State, rule: Rule, before: Sequence[index.Files]) -> Clusters:
    """The clusters of the rows that a state tells of, among themselves and with those of an index."""
    rows = _rows(statistic, state)
    old = _old(statistic, before)
    contents = [*statistic.frames(state, CONTENTS), *(path for files in before for path in files["contents"])]
    groups = _groups(statistic, rule, pl.concat([rows.select(CONTENT), old.select(CONTENT)]), contents, state["seen"])
    whole = pl.concat([_in(rows, groups), _in(old, groups)], how="diagonal")
    judged = _judged(whole, rule)
    new = judged.filter(~pl.col(IS_OLD))
    lost = new.filter(IS_LOST)
    told = lost if rule.takes_out else new
    sizes = judged.group_by(GROUP).agg(pl.len(), pl.col(IS_OLD).all().alias("all_old"))
    sizes = sizes.filter(~pl.col("all_old") & (pl.col("len") > 1))
    place = spill.current()
    indexed = None
    if place and place.grows:
        kept = _kept(rows, judged, lost if rule.takes_out else lost.clear(), statistic)
        indexed = index.write(place, kept, statistic.frames(state, CONTENTS))
    return Clusters(
        _identified(rows, told),
        state["seen"],
        sizes.height,
        lost.height,
        int(sizes["len"].max() or 0),  # type: ignore[arg-type]
        _across(judged.join(sizes, on=GROUP, how="semi")) if statistic.has_parts else {},
        indexed,
    )


def _rows(statistic: Signatures, state: State) -> pl.LazyFrame:
    frames = statistic.frames(state, ROWS)
    lazy = [pl.scan_ipc(frame) if isinstance(frame, str) else frame.lazy() for frame in frames]
    schema: dict[str, Any] = {PLACE: pl.Int64, KEY: pl.Int64, FIRST: pl.UInt64, SECOND: pl.UInt64}
    schema |= {RANK: pl.Null} if statistic.is_ranked else {}
    schema |= {PART: pl.String} if statistic.has_parts else {}
    whole = pl.concat(lazy) if lazy else pl.LazyFrame(schema=schema)
    return whole.with_columns(pl.lit(False).alias(IS_OLD))


def _old(statistic: Signatures, before: Sequence[index.Files]) -> pl.LazyFrame:
    schema: dict[str, Any] = {KEY: pl.Int64, FIRST: pl.UInt64, SECOND: pl.UInt64, CLUSTER: pl.Int64}
    schema |= {PART: pl.String} if statistic.has_parts else {}
    some = [pl.scan_ipc(files["rows"]) for files in before]
    return (pl.concat(some) if some else pl.LazyFrame(schema=schema)).with_columns(pl.lit(True).alias(IS_OLD))


def _groups(
    statistic: Signatures, rule: Rule, every: pl.LazyFrame, contents: Sequence[pl.DataFrame | str], rows: int
) -> pl.DataFrame:
    """The contents that more than one row has, or that are near to others, each with the number of its group."""
    shared = _shared(every, rows)
    if statistic.method == "exact":
        return shared.with_row_index(GROUP).cast({GROUP: pl.Int64})
    if statistic.method == "text":
        texts = Texts(contents)
        first, second = texts.first, texts.second
        labels = near_texts(texts, statistic.band_names, rule.threshold)
    else:
        distinct = every.select(CONTENT).unique().sort(CONTENT).collect(engine="streaming")
        first, second = distinct[FIRST].to_numpy(), distinct[SECOND].to_numpy()
        labels = near_images(first, rule.distance)
    near = pl.DataFrame({FIRST: first, SECOND: second, GROUP: labels})
    is_linked = (pl.len().over(GROUP) > 1).alias("is_linked")
    near = near.with_columns(is_linked).join(
        shared.with_columns(pl.lit(True).alias("is_shared")), on=CONTENT, how="left"
    )
    return near.filter(pl.col("is_linked") | pl.col("is_shared").fill_null(False)).select(*CONTENT, GROUP)


def _shared(every: pl.LazyFrame, rows: int) -> pl.DataFrame:
    """The contents of more than one row, counted range by range so that memory is bounded."""
    ranges = max(1, math.ceil(rows / MOST_AT_ONCE))
    bounds = [(number << 64) // ranges for number in range(ranges + 1)]
    found = []
    for low, high in itertools.pairwise(bounds):
        last = pl.lit(high - 1, dtype=pl.UInt64)
        here = every if ranges == 1 else every.filter(pl.col(FIRST).is_between(pl.lit(low, dtype=pl.UInt64), last))
        counted = here.group_by(CONTENT).len().filter(pl.col("len") > 1).select(CONTENT)
        found.append(counted.collect(engine="streaming"))
    return pl.concat(found).sort(CONTENT)


def _in(rows: pl.LazyFrame, groups: pl.DataFrame) -> pl.DataFrame:
    return rows.join(groups.lazy(), on=CONTENT).collect(engine="streaming")


def _judged(whole: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """The rows of groups, each with whether it goes and with its cluster's number.

    A row that is in the table already stays; else the first by rank, then by the hash of its key, then by its place.
    """
    by = [(GROUP, False), (IS_OLD, True), (RANK, rule.descending), (KEY, False), (PLACE, False)]
    named = [(name, down) for name, down in by if name in whole.columns]
    ordered = whole.sort(
        [name for name, _ in named], descending=[down for _, down in named], nulls_last=[True] * len(named)
    )
    of_old = [pl.col(CLUSTER)] if CLUSTER in whole.columns else []
    ordered = ordered.with_columns(pl.coalesce(*of_old, number(pl.col(KEY))).alias(CLUSTER))
    is_lost = (pl.int_range(pl.len()) > 0).over(GROUP) & ~pl.col(IS_OLD)
    return ordered.with_columns(is_lost.alias(IS_LOST), pl.col(CLUSTER).first().over(GROUP))


def number(key: pl.Expr) -> pl.Expr:
    """The number of a cluster by the hash of the key of the row that stays: 53 bits, which a double can hold."""
    return (key.reinterpret(signed=False) // (1 << 11)).cast(pl.Int64)


def _identified(rows: pl.LazyFrame, told: pl.DataFrame) -> pl.DataFrame:
    """The members by the hash of their key; by their place where others, of another fate, have the same.

    Raises DataError where the place does not tell them apart either.
    """
    mine = told.group_by(KEY).agg(pl.len().alias("mine"), pl.col(CLUSTER).n_unique().alias("clusters"))
    every = rows.join(mine.lazy(), on=KEY, how="semi").group_by(KEY)
    counted = every.agg(pl.len().alias("rows"), pl.col(PLACE).n_unique().alias("places")).collect(engine="streaming")
    twins = counted.join(mine, on=KEY).filter((pl.col("rows") != pl.col("mine")) | (pl.col("clusters") > 1))
    blind = twins.filter(pl.col("rows") != pl.col("places"))
    if blind.height:
        raise DataError(
            f"{int(blind['rows'].sum()):,} rows share their key with another, and nothing tells which is which; name a "
            "`key` that identifies a row, or run it as a job on engine polars or spark-polars, which know each row's "
            "place in its file"
        )
    by_place = told.join(twins, on=KEY, how="semi").select(
        pl.col(PLACE).alias(ID), pl.lit(True).alias(BY_PLACE), CLUSTER
    )
    by_key = told.join(twins, on=KEY, how="anti").unique(KEY)
    by_key = by_key.select(pl.col(KEY).alias(ID), pl.lit(False).alias(BY_PLACE), CLUSTER)
    return pl.concat([by_key, by_place]).sort(BY_PLACE, ID)


def _kept(rows: pl.LazyFrame, judged: pl.DataFrame, lost: pl.DataFrame, statistic: Signatures) -> pl.DataFrame:
    """The rows that go into the table, for the index."""
    parts = [PART] if statistic.has_parts else []
    clusters = judged.filter(~pl.col(IS_OLD)).select(KEY, PLACE, CLUSTER).lazy()
    kept = rows.join(lost.lazy(), on=[KEY, PLACE], how="anti").join(clusters, on=[KEY, PLACE], how="left")
    named = pl.coalesce(CLUSTER, number(pl.col(KEY))).alias(CLUSTER)
    return kept.select(KEY, *CONTENT, named, *parts).collect(engine="streaming")


def _across(judged: pl.DataFrame) -> dict[str, int]:
    """How many clusters are in more than one part, by these."""
    parts = judged.filter(pl.col(PART).is_not_null()).group_by(GROUP).agg(pl.col(PART).unique().sort())
    more = parts.filter(pl.col(PART).list.len() > 1)
    counted = more.group_by(pl.col(PART).list.join(", ")).len().sort(PART)
    return dict(counted.iter_rows())
