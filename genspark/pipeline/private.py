"""Fits with differential privacy: what may be learnt so, within which limits, and how epsilon is dealt out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl

from genspark.columns.dtypes import Schema
from genspark.engines import engine_for
from genspark.errors import DataError, SchemaError, did_you_mean
from genspark.pipeline.passes import apply_steps
from genspark.pipeline.plan import Plan, Request, requests_of
from genspark.statistics import State, Statistic
from genspark.statistics.noise import NEIGHBOURS, Among, Between, Limit, limit_of, noisy, opendp, takes_epsilon
from genspark.steps.base import Step
from genspark.steps.learner import Parameters

MECHANISM = "Laplace on counts, sums and sums of squares of values that are clamped to the bounds"


@dataclass(frozen=True)
class Private:
    """What a fit may tell of a row: `epsilon` for all that it learns together.

    `bounds` are those of columns of numbers as they are read, `values` the values that other columns may have; neither
    may come from the data. Every statistic that is scanned takes the same part of epsilon; what follows from them
    takes none.
    """

    epsilon: float
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def check(self, plan: Plan) -> None:
        """Raise SchemaError with everything that cannot be learnt so, and ConfigError where OpenDP is missing."""
        opendp()
        problems = [*self._of_columns(plan.schemas[0]), *self._of_steps(plan)]
        if problems:
            raise SchemaError(list(dict.fromkeys(problems)))

    def explain(self, plan: Plan) -> str:
        """What the fit tells of a row, as a sentence."""
        count = len(releases(plan))
        each = f", {self.epsilon / count:.3g} for each of {count} statistics" if count else ""
        return f"Noise: epsilon {self.epsilon:g}{each}; one row more or less changes nothing beyond it."

    def limits(
        self, plan: Plan, position: int, statistics: Sequence[Statistic], fitted: Mapping[int, Parameters]
    ) -> dict[str, Limit]:
        """The limits of the columns that these statistics read, as the step at this position sees them."""
        columns = dict.fromkeys(statistic.column for statistic in statistics)
        limits: dict[str, Limit] = {c: Among(self.values[c]) for c in columns if c in self.values}
        bounded = [column for column in columns if column in self.bounds]
        before = [
            (plan.steps[i], fitted[i]) for i in range(position) if plan.steps[i].writes() & set(bounded) and i in fitted
        ]
        moved = _moved(self.bounds, plan.schemas[0], before) if before else self.bounds
        for column in bounded:
            limits[column] = _between(column, self.bounds[column], moved[column], [step for step, _ in before])
        return limits

    def noisy(
        self, plan: Plan, states: Mapping[Request, State], limits: Mapping[Request, Limit]
    ) -> dict[Request, State]:
        """The states of a scan with noise."""
        each = self.epsilon / max(len(releases(plan)), 1)
        return {one: noisy(one.statistic, state, limits[one], each) for one, state in states.items()}

    def to_json(self, plan: Plan) -> dict[str, Any]:
        """What a model says of it: plain JSON."""
        return {
            "epsilon": self.epsilon,
            "neighbours": NEIGHBOURS,
            "mechanism": MECHANISM,
            "statistics": len(releases(plan)),
            "bounds": {column: list(pair) for column, pair in self.bounds.items()},
            "values": {column: list(values) for column, values in self.values.items()},
        }

    def _of_columns(self, schema: Schema) -> Iterator[str]:
        for key, columns in (("bounds", self.bounds), ("values", self.values)):
            for column in columns:
                if column not in schema:
                    yield f"privacy.{key}: {column!r} is not a column{did_you_mean(column, schema)}"
                elif key == "bounds" and not schema[column].is_numeric():
                    yield f"privacy.bounds: {column!r} is {schema[column]}, not of numbers; use privacy.values"

    def _of_steps(self, plan: Plan) -> Iterator[str]:
        for scan in plan.scans:
            if scan.refines is not None:
                yield _refusal(plan.steps[scan.refines], "in rounds over all rows")
        told: set[Statistic] = set()
        for step, answers in zip(plan.steps, plan.answers, strict=True):
            for request in requests_of(answers):
                if request.statistic not in told:
                    yield from self._of_statistic(step, request.statistic)
                told.add(request.statistic)

    def _of_statistic(self, step: Step, statistic: Statistic) -> Iterator[str]:
        kind = limit_of(statistic)
        if kind is None:
            by = f" by {', '.join(statistic.by)}" if statistic.by else ""
            yield _refusal(step, f"{statistic.kind} of {', '.join(statistic.columns)}{by}")
        elif kind is Between and statistic.column not in self.bounds:
            yield (
                f"privacy.bounds: {step.told_as} learns {statistic.kind} of {statistic.column!r}; say between what its "
                f"values lie, as {{{statistic.column}: [0, 100]}}, and not from the data"
            )
        elif kind is Among and statistic.column not in self.values:
            yield (
                f"privacy.values: {step.told_as} counts the values of {statistic.column!r}; say which there may be, as "
                f"{{{statistic.column}: [a, b]}}, and not from the data"
            )


def _refusal(step: Step, what: str) -> str:
    return (
        f"privacy: {step.told_as} learns {what}, which no noise is known for here; what learns means, deviations, "
        "ranges or counts of values can be had: impute by mean or mode, outliers by zscore, scale by standard or "
        "minmax, encode"
    )


def releases(plan: Plan) -> list[Request]:
    """What the scans tell of the data, each a part of epsilon."""
    return [one for scan in plan.scans for one in scan.requests if takes_epsilon(one.statistic)]


def _moved(
    bounds: Mapping[str, tuple[float, float]], schema: Schema, steps: Sequence[tuple[Step, Parameters]]
) -> dict[str, list[Any]]:
    """The bounds of each column after steps: two rows go through them, which no rule takes out."""
    reads = frozenset(column for step, _ in steps for column in step.reads())
    columns = {name: bounds.get(name, (None, None)) for name in schema if name in reads or name in bounds}
    rows = pl.DataFrame(columns, schema={name: pl.Float64 if name in bounds else None for name in columns})
    engine, frame = engine_for(rows)
    moved = apply_steps(engine, frame, steps, lambda frame, _step, _parameters: frame)
    found: pl.DataFrame = nw.to_native(moved)
    return {name: found[name].to_list() for name in columns if name in found.columns}


def _between(column: str, given: tuple[float, float], moved: Sequence[Any], steps: Sequence[Step]) -> Between:
    """The limits that bounds have become. Raises DataError where they are none any more."""
    finite = [float(value) for value in moved if value is not None and math.isfinite(value)]
    if len(finite) < 2 or finite[0] == finite[1]:
        names = ", ".join(step.told_as for step in steps)
        raise DataError(
            f"privacy.bounds: {column} between {given[0]:g} and {given[1]:g} is {list(moved)} after {names}, which "
            "bounds nothing; give bounds that the steps can take"
        )
    return Between(min(finite), max(finite))
