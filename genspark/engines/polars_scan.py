"""The statistics of a Polars frame: one streaming pass, batch by batch, merged in the order of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from genspark.engines.polars_batch import Batch, Collector
from genspark.engines.polars_collectors import collectors
from genspark.engines.polars_stream import remembered
from genspark.errors import PlanError
from genspark.statistics import Extremes, Frequencies, Moments, Quantiles, State, Statistic
from genspark.statistics.base import grouped

KNOWN = (Moments, Extremes, Quantiles, Frequencies)


def scan(frame: pl.LazyFrame, statistics: Sequence[Statistic]) -> dict[Statistic, State]:
    """The states of statistics that share `by`, in one pass."""
    return {statistic: finished(statistic, part) for statistic, part in gathered(frame, statistics).parts.items()}


@dataclass(frozen=True)
class Gathered:
    """What one pass saw: parts, and the columns of it in which no value is NaN.

    Parts are what `merged` and then `finished` make states of: states already, but for exact quantiles.
    """

    parts: dict[Statistic, State]
    nan_free: frozenset[str]


def gathered(frame: pl.LazyFrame, statistics: Sequence[Statistic]) -> Gathered:
    """The parts of statistics that share `by`, in one pass."""
    unknown = [statistic.kind for statistic in statistics if not isinstance(statistic, KNOWN)]
    if unknown:
        raise PlanError(f"the polars engine has no way to compute {unknown[0]}")
    by = statistics[0].by
    columns = dict.fromkeys(column for s in statistics for column in (*s.columns, *s.by))
    gatherer = _Grouped(statistics, by) if by else _Whole(statistics)
    frame.select(list(columns)).sink_batches(remembered(gatherer.see), maintain_order=True, engine="streaming")
    return Gathered(gatherer.parts(), frozenset(columns) - gatherer.nan)


def merged(statistic: Statistic, a: State, b: State) -> State:
    """The part of two disjoint sets of rows, those of `a` first."""
    if not _is_exact(statistic):
        return statistic.merge(a, b)
    if statistic.by:
        groups = {tuple(group["by"]): group["state"] for group in a["groups"]}
        for group in b["groups"]:
            key = tuple(group["by"])
            groups[key] = _joined(groups[key], group["state"]) if key in groups else group["state"]
        return grouped(groups)
    return _joined(a, b)


def finished(statistic: Statistic, part: State) -> State:
    """The state that a part stands for."""
    if not isinstance(statistic, Quantiles) or statistic.rank_error:
        return part
    if statistic.by:
        return {"groups": [{**group, "state": _exactly(statistic, group["state"])} for group in part["groups"]]}
    return _exactly(statistic, part)


class _Whole:
    """Gathers over all rows."""

    def __init__(self, statistics: Sequence[Statistic]) -> None:
        self._collectors = collectors(statistics)
        self.nan: set[str] = set()

    def see(self, rows: pl.DataFrame) -> None:
        batch = Batch(rows)
        self.nan |= batch.nan
        for collector in self._collectors:
            collector.add(batch)

    def parts(self) -> dict[Statistic, State]:
        return _all_parts(self._collectors)


class _Grouped:
    """Gathers group by group."""

    def __init__(self, statistics: Sequence[Statistic], by: Sequence[str]) -> None:
        self._statistics, self._by = statistics, list(by)
        self._groups: dict[tuple[Any, ...], list[Collector]] = {}
        self.nan: set[str] = set()

    def see(self, rows: pl.DataFrame) -> None:
        for key, some in rows.partition_by(self._by, as_dict=True, maintain_order=True).items():
            batch = Batch(some)
            self.nan |= batch.nan
            if key not in self._groups:
                self._groups[key] = collectors(self._statistics)
            for collector in self._groups[key]:
                collector.add(batch)

    def parts(self) -> dict[Statistic, State]:
        found = {key: _all_parts(group) for key, group in self._groups.items()}
        return {s: grouped({key: states[s] for key, states in found.items()}) for s in self._statistics}


def _all_parts(some: Sequence[Collector]) -> dict[Statistic, State]:
    return {statistic: state for collector in some for statistic, state in collector.parts().items()}


def _is_exact(statistic: Statistic) -> bool:
    return isinstance(statistic, Quantiles) and not statistic.rank_error


def _joined(a: State, b: State) -> State:
    added = {name: a[name] + b[name] for name in a if name != "data"}
    return {**added, "data": np.concatenate([a["data"], b["data"]])}


def _exactly(statistic: Quantiles, part: Mapping[str, Any]) -> State:
    counts = {name: count for name, count in part.items() if name != "data"}
    values = np.quantile(part["data"], statistic.probabilities).tolist() if counts["count"] else None
    return {**counts, "values": values}
