"""The ledger of scores: a Delta table with a row for each score, its signature and where the rows were from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from genspark.errors import DataError
from genspark.evaluate.runs.results import Results, Scored, as_json, label
from genspark.evaluate.score import Score
from genspark.sinks.ledgers import Kind
from genspark.version import VERSION

COLUMNS = pl.Schema(
    {
        "run_id": pl.String(),
        "evaluation": pl.String(),
        "started": pl.Datetime("us", "UTC"),
        "metric": pl.String(),
        "slice": pl.String(),
        "value": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
        "n": pl.Int64(),
        "parts": pl.String(),
        "warnings": pl.List(pl.String()),
        "signature": pl.String(),
        "signature_sha256": pl.String(),
        "real": pl.String(),
        "real_version": pl.String(),
        "real_model_sha256": pl.String(),
        "generated": pl.String(),
        "generated_version": pl.String(),
        "generated_model_sha256": pl.String(),
        "engine": pl.String(),
        "genspark": pl.String(),
    }
)
SCORES = Kind(
    COLUMNS,
    "evaluate.ledger",
    "scores",
    "name the table that evaluate.ledger names, or the evaluation's YAML",
)


def add(path: str, results: Results) -> None:
    """Add an evaluation's scores to the ledger, which is made where there is none. Raises SinkError."""
    rows = [_row(one, results) for one in results.scored]
    if rows:
        told = {"run_id": results.run_id, "evaluation": results.name, "genspark": VERSION}
        SCORES.add(path, pl.DataFrame(rows, schema=COLUMNS), told)


def read(path: str) -> pl.DataFrame:
    """The scores in the ledger at a path, oldest first. Raises GensparkError where there is none, or another table."""
    return SCORES.read(path).sort("started", maintain_order=True)


def as_score(row: Mapping[str, Any]) -> Score:
    """The score that a row of the ledger tells of."""
    bounds = None if row["low"] is None else (row["low"], row["high"])
    told = json.loads(row["signature"])
    return Score(row["value"], row["n"], told, bounds, json.loads(row["parts"]), tuple(row["warnings"] or ()))


def compared(path: str, metric: str, run_id: str, other: str, slice_: str = "{}") -> float:
    """How much a score of one run is above that of another in a ledger.

    Raises DataError where a run has no such score, and where the two are of unlike signatures.
    """
    rows = read(path).filter(metric=metric, slice=slice_)
    found = []
    for one in (run_id, other):
        of_run = rows.filter(run_id=one).rows(named=True)
        if len(of_run) != 1:
            what = "no such score" if not of_run else f"{len(of_run)} scores of that name, of several columns"
            raise DataError(f"{path}: run {one} has {what} ({metric} of {slice_})")
        found.append(as_score(of_run[0]))
    return found[0].minus(found[1])


@dataclass(frozen=True)
class Series:
    """Scores that can be compared, oldest first: of one evaluation, metric, slice and signature."""

    evaluation: str
    label: str
    slice: Mapping[str, Any]
    digest: str
    rows: Sequence[Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        kept = ("run_id", "value", "low", "high", "n", "real_version", "generated_version", "generated_model_sha256")
        rows = [{"started": row["started"].isoformat(), **{name: row[name] for name in kept}} for row in self.rows]
        return {
            "evaluation": self.evaluation,
            "metric": self.rows[0]["metric"],
            "label": self.label,
            "slice": dict(self.slice),
            "signature_sha256": self.digest,
            "signature": json.loads(self.rows[0]["signature"]),
            "scores": rows,
        }


def series(rows: pl.DataFrame) -> list[Series]:
    """The scores of a ledger, put together where they can be compared, in the order of their first rows."""
    keys = ["evaluation", "metric", "slice", "signature_sha256"]
    found = []
    for (evaluation, metric, slice_, digest), some in rows.group_by(keys, maintain_order=True):
        of = some.rows(named=True)
        told = label(str(metric), json.loads(of[0]["signature"]))
        found.append(Series(str(evaluation), told, json.loads(str(slice_)), str(digest), of))
    return found


def _row(one: Scored, results: Results) -> dict[str, Any]:
    score = one.score
    low, high = score.interval or (None, None)
    row = {
        "run_id": results.run_id,
        "evaluation": results.name,
        "started": results.started,
        "metric": score.metric,
        "slice": as_json(one.slice),
        "value": score.value,
        "low": low,
        "high": high,
        "n": score.n,
        "parts": json.dumps(dict(score.parts)),
        "warnings": list(score.warnings),
        "signature": json.dumps(dict(score.signature), sort_keys=True),
        "signature_sha256": score.digest,
        "engine": results.engine,
        "genspark": VERSION,
    }
    for side in ("real", "generated"):
        facts = score.sides.get(side, {})
        version = facts.get("version")
        row |= {
            side: json.dumps(dict(facts), default=str) if facts else None,
            f"{side}_version": None if version is None else str(version),
            f"{side}_model_sha256": facts.get("model_sha256"),
        }
    return row
