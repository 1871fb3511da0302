"""How well persons hide in a table, measured for given quasi-identifiers in one pass over those columns.

Counts of each combination of values are kept, and nothing else; none of the values is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from genspark.errors import ConfigError, SourceError
from genspark.statistics.anonymity import Cells, summary
from genspark.tables.footers import Tell, silent
from genspark.tables.rows import frames, refuse_vectors
from genspark.tables.snapshot import Snapshot, read_snapshot

MOST_COMBINATIONS = 2_000_000
_ROWS = "__genspark_rows"


@dataclass(frozen=True)
class Wanted:
    """What is measured, of which columns, and what the table should have; None: it is only measured."""

    quasi: tuple[str, ...]
    sensitive: str | None = None
    ordered: bool | None = None
    k: int | None = None
    l: int | None = None  # noqa: E741 - its name everywhere
    t: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (*self.quasi, *([self.sensitive] if self.sensitive else []))


def measure(given: str, wanted: Wanted, tell: Tell = silent) -> dict[str, Any]:
    """What the classes of a table's rows are like, as plain JSON, with `unmet`: what it has not that it should.

    `ordered`: whether sensitive values are nearer by rank; None: where they are numbers. Null is a value. `at_risk` are
    the rows in classes of fewer than `k` (if it is given). Raises ConfigError for columns that are not there,
    SourceError for too many combinations and files that cannot be read.
    """
    snapshot = read_snapshot(given)
    refuse_vectors(snapshot)
    snapshot.refuse_absent(wanted.columns)
    if wanted.sensitive in wanted.quasi:
        raise ConfigError(f"--sensitive: {wanted.sensitive!r} is one of --quasi; name it in one place")
    if wanted.sensitive is None and (wanted.l is not None or wanted.t is not None):
        raise ConfigError("--sensitive: l and t are about its values; name the column")
    counted = _counted(snapshot, wanted, tell)
    ordered = wanted.ordered
    if ordered is None and wanted.sensitive:
        ordered = counted[wanted.sensitive].dtype.is_numeric()
    cells = _cells(counted, wanted)
    told = summary(cells, is_sensitive=wanted.sensitive is not None, ordered=bool(ordered))
    if wanted.k is not None:
        sizes = cells.sizes()
        told["at_risk"] = int(sizes[sizes < wanted.k].sum())
    return {
        "table": snapshot.path,
        "version": snapshot.version,
        "quasi": list(wanted.quasi),
        "sensitive": wanted.sensitive,
        "distance": None if wanted.sensitive is None else "ordered" if ordered else "equal",
        **told,
        "unmet": _unmet(told, wanted),
    }


def privacy_lines(told: Mapping[str, Any]) -> list[str]:
    """What `measure` tells, as one sentence; none where there is no row."""
    if not told["rows"]:
        return []
    of = f", l {told['l']:,} and t {told['t']:.3f} of {told['sensitive']}" if told["sensitive"] else ""
    return [
        f"rows share what others may know ({', '.join(told['quasi'])}) in {told['classes']:,} classes: "
        f"k {told['k']:,}{of}; {told['unique']:,} rows are alone in theirs"
    ]


def _counted(snapshot: Snapshot, wanted: Wanted, tell: Tell) -> pl.DataFrame:
    """The rows of each combination."""
    total: pl.DataFrame | None = None
    for frame in frames(snapshot, wanted.columns, tell):
        some = _added(frame.select(*wanted.columns, pl.lit(1, pl.Int64).alias(_ROWS)), wanted)
        total = some if total is None else _added(pl.concat([total, some], how="vertical_relaxed"), wanted)
        if total.height > MOST_COMBINATIONS:
            raise SourceError(
                f"--quasi: {', '.join(wanted.columns)} have more than {MOST_COMBINATIONS:,} combinations "
                "of values: almost every row is one of its own; make them coarser, or name fewer"
            )
    return pl.DataFrame({name: [] for name in (*wanted.columns, _ROWS)}) if total is None else total


def _added(frame: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    return frame.group_by(wanted.columns).agg(pl.col(_ROWS).sum())


def _cells(counted: pl.DataFrame, wanted: Wanted) -> Cells:
    if counted.is_empty():
        nothing = np.zeros(0, dtype=np.int64)
        return Cells.of(nothing, nothing, nothing)
    classes = counted.select(pl.struct(wanted.quasi).rank("dense").alias("c"))["c"].to_numpy().astype(np.int64)
    values = np.zeros(counted.height, dtype=np.int64)
    if wanted.sensitive:
        # Null first.
        ranks = counted[wanted.sensitive].rank("dense").fill_null(0)
        values = ranks.to_numpy().astype(np.int64)
    return Cells.of(classes, values, counted[_ROWS].to_numpy())


def _unmet(told: dict[str, Any], wanted: Wanted) -> list[str]:
    unmet = []
    for name, least in (("k", wanted.k), ("l", wanted.l)):
        if least is not None and (told[name] or 0) < least:
            unmet.append(f"{name} is {told[name]}, and should be {least} or more")
    if wanted.t is not None and told["t"] is not None and told["t"] > wanted.t + 1e-12:
        unmet.append(f"t is {told['t']:.4f}, and should be {wanted.t:g} or less")
    return unmet
