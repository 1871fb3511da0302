"""Passes over the data, as plain values that can be sent to where the data is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw

from genspark.columns.hashing import Drawn
from genspark.columns.kernels import Kernel
from genspark.engines.engine import Engine
from genspark.engines.gathered import Gathered
from genspark.statistics import State, Statistic
from genspark.statistics.noise import Among, Limit
from genspark.steps.base import Step
from genspark.steps.judge import Discreet, Judge
from genspark.steps.learner import Parameters

Before = Callable[[Any, Judge, Parameters], Any]
"""The engine's treatment of a frame before a step transforms it: take out, or mark, the rows it rejects."""


@dataclass(frozen=True)
class Opening:
    """The beginning of every pass of a fit: draws, one kind of missing value, the rows to learn from.

    `key` and `draws` are for `Engine.with_draws`; in the columns `nullable` NaN becomes null; `adding`
    are steps whose columns only `where` needs: a row counts if each of its columns has the value. No error has a value
    of `personal` columns.
    """

    key: tuple[str, ...]
    draws: tuple[Drawn, ...]
    nullable: tuple[str, ...]
    adding: tuple[Step, ...]
    where: Mapping[str, Any]
    personal: frozenset[str] = frozenset()

    def frame(self, engine: Engine, frame: Any, *, is_raw: bool) -> Any:
        """The rows to learn from, as the first step sees them; statistics alone tell NaN from numbers themselves."""
        frame = engine.with_draws(frame, self.key, self.draws)
        if not is_raw:
            frame = engine.without_nan(frame, self.nullable)
        for step in self.adding:
            frame = step.transform(frame, {})
        for column, value in self.where.items():
            frame = frame.filter(nw.col(column) == nw.lit(value))
        return frame.drop([column for step in self.adding for column in step.writes()]) if self.adding else frame


@dataclass(frozen=True)
class Stage:
    """A place among the steps: columns to copy as they are here (column -> hidden copy), then a step to apply.

    A copy of a column with a limit is held to it.
    """

    copies: Mapping[str, str]
    step: Step | None = None
    parameters: Parameters | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict)

    def copied(self) -> list[nw.Expr]:
        """The copies."""
        return [_held(nw.col(name), self.limits.get(name)).alias(copy) for name, copy in self.copies.items()]


@dataclass(frozen=True)
class FitPass:
    """One scan of a fit: its opening, the steps that are fitted already, and the statistics of their output.

    A pass of level 0 depends on nothing that was learnt: its states hold for their rows for good.
    """

    opening: Opening
    stages: tuple[Stage, ...]
    statistics: tuple[Statistic, ...]
    level: int = 0

    @property
    def sees_raw_values(self) -> bool:
        """Whether the statistics are of all rows as read, before any step or filter."""
        return not (
            any(stage.step or stage.limits for stage in self.stages) or self.opening.adding or self.opening.where
        )

    def gather(self, engine: Engine, frame: Any) -> Gathered:
        """The parts over this frame's rows, in one pass. `nan_free` is known only where `sees_raw_values`."""
        gathered = engine.gather(self._rows(engine, frame), self.statistics)
        return gathered if self.sees_raw_values else replace(gathered, nan_free=frozenset())

    def states(self, engine: Engine, frame: Any) -> dict[Statistic, State]:
        """The states over this frame's rows, in one pass."""
        return engine.scan(self._rows(engine, frame), self.statistics)

    def _rows(self, engine: Engine, frame: Any) -> Any:
        """The rows that the statistics are of."""
        frame = self.opening.frame(engine, frame, is_raw=self.sees_raw_values)
        for stage in self.stages:
            if stage.copies:
                frame = frame.with_columns(*stage.copied())
            if stage.step is not None:
                applied = [(stage.step, stage.parameters or {})]
                frame = apply_steps(engine, frame, applied, engine.before, self.opening.personal)
        return frame


def _held(value: nw.Expr, limit: Limit | None) -> nw.Expr:
    """A column within its limit: numbers are clamped, of other values those that are not of the limit are missing."""
    if limit is None:
        return value
    if isinstance(limit, Among):
        return nw.when(value.is_in(limit.values)).then(value)
    return value.cast(nw.Float64).clip(limit.low, limit.high)


def apply_steps(
    engine: Engine,
    frame: Any,
    steps: Iterable[tuple[Step, Parameters]],
    before: Before,
    personal: frozenset[str] = frozenset(),
) -> Any:
    """Apply these steps, each with its parameters, to a narwhals frame. No error has a value of `personal` columns."""
    for step, parameters in steps:
        kernels = step.kernels(parameters)
        judge = Discreet(step, personal) if personal else step
        frame = before(engine.with_kernels(frame, kernels) if kernels else frame, judge, parameters)
        frame = without(step.transform(frame, parameters), kernels)
    return frame


def without(frame: Any, kernels: Iterable[Kernel]) -> Any:
    """The frame without what the kernels added."""
    names = [name for kernel in kernels for name in kernel.outputs]
    return frame.drop(names, strict=False) if names else frame


def draws_of(steps: Iterable[Step]) -> list[Drawn]:
    """The distinct random numbers that the steps need, in order."""
    return list(dict.fromkeys(draw for step in steps for draw in step.draws()))


def fit_draws_of(steps: Iterable[Step]) -> list[Drawn]:
    """The distinct random numbers that fitting the steps needs: of their transforms and of their learners."""
    draws: dict[Drawn, None] = {}
    for step in steps:
        learner = step.learner()
        draws.update(dict.fromkeys((*step.draws(), *(learner.draws() if learner else ()))))
    return list(draws)


def columns_read(steps: Iterable[Step]) -> tuple[str, ...]:
    """The columns that some step reads, in which NaN is made null."""
    return tuple(sorted({column for step in steps for column in step.reads()}))
