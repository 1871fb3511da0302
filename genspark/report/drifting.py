"""How far a table has moved from another: by the bins of both, their missing values, and their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genspark.errors import ConfigError, SourceError, did_you_mean
from genspark.report.bins import Tally, Values, population_stability
from genspark.report.profile import columns_of, frame_of, profile, rows_of, shapes
from genspark.tables.snapshot import read_snapshot


@dataclass(frozen=True)
class Limits:
    """The population stability index above which a column has moved, and that above which it is another."""

    warn: float = 0.1
    stop: float = 0.25


def drift(table: str, against: str, columns: tuple[str, ...] = (), limits: Limits | None = None) -> dict[str, Any]:
    """How far each column of a table is from that of another, as plain JSON, those that moved most first.

    Two scans of each table, on Polars: a sample for the bins, and one that counts. Raises ConfigError for columns that
    the table does not have, SourceError where a table is not there or has no rows.
    """
    limits = limits or Limits()
    snapshots = [read_snapshot(path) for path in (table, against)]
    frames = []
    for snapshot in snapshots:
        if not snapshot.files:
            raise SourceError(f"{snapshot.path}: the table has no rows; there is nothing to compare")
        frames.append(frame_of(snapshot))
    known = columns_of(frames[0])
    absent = [
        f"--columns: {name!r} is not a column{did_you_mean(name, known)}" for name in columns if name not in known
    ]
    if absent:
        raise ConfigError(absent)
    rows = [rows_of(snapshot, frame) for snapshot, frame in zip(snapshots, frames, strict=True)]
    of = shapes(frames, rows, list(columns) or known)
    new, old = (profile(frame, of).tallies for frame in frames)
    found = [{"column": name, **told(old[name], new[name], limits)} for name in new if name in old]
    return {
        "table": snapshots[0].path,
        "version": snapshots[0].version,
        "against": snapshots[1].path,
        "against_version": snapshots[1].version,
        "limits": {"warn": limits.warn, "stop": limits.stop},
        "columns": sorted(found, key=lambda one: -one["stability"]),
        "schema": _schema(snapshots[1].columns, snapshots[0].columns),
    }


def told(old: Tally, new: Tally, limits: Limits) -> dict[str, Any]:
    """The measures of a column. `unknown` is the share of values whose name the other table does not have."""
    p, q = old.shares, new.shares
    has_both = bool(p.any() and q.any())
    stability = population_stability(p, q) if has_both else 0.0
    judged = "other" if stability > limits.stop else "moved" if stability > limits.warn else "like"
    if not has_both and p.any() != q.any():
        judged = "other"
    is_ordered = new.shape.kind != "category"
    names = [name for name in new.shape.names if not old.counts.get(name)]
    return {
        "stability": stability,
        "jensen_shannon": jensen_shannon(p, q) if has_both else None,
        "ks": float(np.abs(np.cumsum(p) - np.cumsum(q)).max()) if has_both and is_ordered else None,
        "missing_before": old.missing / old.rows if old.rows else 0.0,
        "missing": new.missing / new.rows if new.rows else 0.0,
        "unknown": sum(new.counts.get(name, 0) for name in names) / new.n if new.n and not is_ordered else None,
        "judged": judged,
    }


def jensen_shannon(one: Values, two: Values) -> float:
    """The Jensen-Shannon distance, base 2, from 0 to 1. Source: J. Lin, 1991; D. Endres, J. Schindelin, 2003."""
    middle = (one + two) / 2.0
    halves = [float((p[p > 0] * np.log2(p[p > 0] / middle[p > 0])).sum()) for p in (one, two)]
    return float(np.sqrt(max(0.0, sum(halves) / 2.0)))


def _schema(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    return {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "changed": {name: [old[name], new[name]] for name in new if name in old and old[name] != new[name]},
    }
