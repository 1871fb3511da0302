"""What an evaluation found: scores, of all rows and of slices, and what could not be scored and why."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genspark.evaluate.score import Score


@dataclass(frozen=True)
class Scored:
    """A score and the slice that it is of, which is empty for all rows."""

    score: Score
    slice: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The metric with the columns it is of."""
        return label(self.score.metric, self.score.signature)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        score = self.score
        return {
            "metric": score.metric,
            "slice": dict(self.slice),
            "value": score.value,
            "interval": list(score.interval) if score.interval else None,
            "n": score.n,
            "parts": dict(score.parts),
            "warnings": list(score.warnings),
            "signature": dict(score.signature),
            "signature_sha256": score.digest,
        }


@dataclass(frozen=True)
class Failed:
    """A score that could not be taken, of a slice or of all rows, and why."""

    metric: str
    slice: Mapping[str, Any]
    why: str


@dataclass(frozen=True)
class Results:
    """An evaluation's scores, with where the rows of each side are from, by its name."""

    name: str
    run_id: str
    started: dt.datetime
    engine: str
    sides: Mapping[str, Mapping[str, Any]]
    scored: Sequence[Scored]
    failed: Sequence[Failed] = ()
    notes: Sequence[str] = ()
    seconds: float = 0.0

    def __getitem__(self, name: str) -> Score:
        """The score of all rows by its metric's name. Raises KeyError where there is none."""
        for one in self.scored:
            if one.score.metric == name and not one.slice:
                return one.score
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name,
            "run_id": self.run_id,
            "started": self.started.isoformat(),
            "engine": self.engine,
            "sides": {name: dict(facts) for name, facts in self.sides.items()},
            "scores": [one.to_json() for one in self.scored],
            "failed": [{"metric": one.metric, "slice": dict(one.slice), "why": one.why} for one in self.failed],
            "notes": list(self.notes),
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Asked:
    """A score that is asked for: its function, its parameters, and the text of the extractor that it reads from."""

    metric: Any
    parameters: Mapping[str, Any] = field(default_factory=dict)
    extractor: Any = None
    place: str = ""


def label(metric: str, signature: Mapping[str, Any]) -> str:
    """A metric with the columns in its signature, as a table shows it."""
    columns = signature.get("columns") or ([signature["column"]] if signature.get("column") else [])
    if not columns or signature.get("extractor") or len(columns) > 4:
        return metric
    return f"{metric}({', '.join(columns)})"


def slice_text(of: Mapping[str, Any]) -> str:
    """A slice as text, such as `label=3, split=test`."""
    return ", ".join(f"{name}={'null' if value is None else value}" for name, value in of.items())


def as_json(of: Mapping[str, Any]) -> str:
    """A slice as JSON, equal for equal slices."""
    return json.dumps(of, sort_keys=True, default=str, ensure_ascii=False)
