"""Scores for a report: those that are given, and the newest of each kind in a ledger of scores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from genspark.errors import SourceError
from genspark.evaluate.score import Score
from genspark.pipeline.describe import short
from genspark.tables.rows import frame_of
from genspark.tables.snapshot import read_snapshot

_NEEDED = ("started", "metric", "slice", "value", "low", "high", "n", "signature", "warnings")


def newest(ledger: str) -> list[dict[str, Any]]:
    """The newest score of each metric, slice and signature in a ledger. Raises SourceError where it is none."""
    frame = frame_of(read_snapshot(ledger))
    lacking = [name for name in _NEEDED if name not in frame.collect_schema()]
    if lacking:
        raise SourceError(f"{ledger}: this is no ledger of scores: it has no column {lacking[0]!r}")
    rows = frame.select(_NEEDED).sort("started", maintain_order=True).collect()
    kept = rows.unique(["metric", "slice", "signature"], keep="last", maintain_order=True)
    return [_row(row) for row in kept.sort("metric", "slice").iter_rows(named=True)]


def given(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Scores as the page shows them."""
    return [
        _told(score.metric, score.value, score.interval, score.n, dict(score.signature), score.warnings)
        for score in scores
    ]


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    bounds = None if row["low"] is None else (row["low"], row["high"])
    of = {**json.loads(row["signature"]), **json.loads(row["slice"] or "{}")}
    told = _told(row["metric"], row["value"], bounds, row["n"], of, row["warnings"] or ())
    return {**told, "when": row["started"].strftime("%Y-%m-%d %H:%M")}


def _told(
    metric: str,
    value: float,
    interval: tuple[float, float] | None,
    n: int,
    of: Mapping[str, Any],
    warnings: Sequence[str],
) -> dict[str, Any]:
    return {
        "metric": metric.replace("_", " "),
        "value": f"{value:.6g}",
        "interval": f"{interval[0]:.6g} to {interval[1]:.6g}" if interval else "",
        "n": f"{n:,}",
        "of": ", ".join(f"{name} {short(each)}" for name, each in of.items() if name not in ("metric", "version")),
        "warnings": list(warnings),
        "when": "",
    }
