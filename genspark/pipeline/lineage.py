"""The origin of a statistic's state for a file: while the origin stays the same, the state can be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import Draw, Drawn
from genspark.pipeline.passes import FitPass, draws_of
from genspark.statistics import Statistic
from genspark.steps.base import Step
from genspark.steps.learner import Parameters

FORMAT = 1
"""A number to raise when the same rows, statistic and steps come to give another state."""


@dataclass(frozen=True)
class Origin:
    """A statistic under its columns' names in the source, with the steps that decide its values and rows."""

    statistic: Statistic
    steps: tuple[Mapping[str, Any], ...]
    digest: str


def origin(fit_pass: FitPass, statistic: Statistic, schema: Schema, reading: Mapping[str, Any]) -> Origin:
    """The origin of a statistic of a pass of level 0.

    `schema` is the source's, and `reading` how its files are read, as plain JSON. Two statistics of the same
    digest have the same state for the same file, whatever else their passes and pipelines hold.
    """
    opening = fit_pass.opening
    names = {column: column for column in (*statistic.columns, *statistic.by)}
    needed = set(names)
    applied: list[tuple[Step, Parameters]] = []
    for stage in reversed(fit_pass.stages):
        if stage.step is not None and (stage.step.filters or stage.step.writes() & needed):
            applied.append((stage.step, stage.parameters or {}))
            needed |= stage.step.reads()
        copied = {copy: column for column, copy in stage.copies.items()}
        needed = {copied.get(column, column) for column in needed}
        names = {asked: copied.get(column, column) for asked, column in names.items()}
    applied.reverse()
    own = statistic.on([names[c] for c in statistic.columns], [names[c] for c in statistic.by])
    drawn = draws_of([*(step for step, _ in applied), *opening.adding])
    draws = [draw for draw in opening.draws if draw in drawn or draw.column in needed]
    needed |= {column for draw in draws for column in draw.over or opening.key} | set(opening.where)
    steps = tuple(_unnamed(step, parameters) for step, parameters in applied)
    decisive = {
        "format": FORMAT,
        "reading": reading,
        "types": {column: str(schema[column]) for column in sorted(needed) if column in schema},
        "draws": sorted(_drawn(draw, opening.key) for draw in draws),
        "where": dict(opening.where),
        "adding": [_unnamed(step, {}) for step in opening.adding],
        "steps": steps,
        "statistic": own.to_json(),
    }
    text = json.dumps(decisive, separators=(",", ":"))
    return Origin(own, steps, hashlib.sha256(text.encode()).hexdigest())


def _unnamed(step: Step, parameters: Parameters) -> dict[str, Any]:
    """A step and its parameters as JSON, without the step's name, which does not affect states."""
    ((kind, fields),) = step.to_json().items()
    unnamed = {name: value for name, value in fields.items() if name != "name"}
    return {kind: unnamed, "parameters": dict(parameters)}


def _drawn(draw: Drawn, key: tuple[str, ...]) -> list[Any]:
    told = [draw.seed, draw.stream] if isinstance(draw, Draw) else [-1, draw.column]
    return [*told, list(draw.over or key)]
