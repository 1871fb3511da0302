"""What becomes of each row in a job: kept, dropped or quarantined, why, and how many of each.

`PipelineModel.transform` removes rejected rows at once. A job may lose none, so its rows all flow
to the end with their fate beside them; rows are counted there, in the same pass that writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw

from genspark.engines.spark import stop_on_errors
from genspark.expressions import HIDDEN, any_of
from genspark.steps.base import Parameters, Rejection, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Observation

FATE = f"{HIDDEN}fate"
REASONS = f"{HIDDEN}reasons"
CORRUPT = f"{HIDDEN}corrupt"
KEPT, DROPPED, QUARANTINED = 0, 1, 2
REASONS_TYPE = "array<struct<step: string, column: string, rule: string, value: double, threshold: double>>"
ALIVE = nw.col(FATE) == KEPT


@dataclass
class Fates:
    """Marks rows as the steps meet them; `before` is the hook for `PipelineModel.apply`.

    With `reasons` each quarantined row carries why, one struct for each rule of the step it broke
    first. `counted` gathers the hidden columns of numbers for the report: column -> (step, what).
    """

    reasons: bool
    counted: dict[str, tuple[str, str]] = field(default_factory=dict)

    def start(self, frame: DataFrame) -> DataFrame:
        """The frame as read, with the first fate of each row: corrupt records are quarantined."""
        F = _functions()
        if CORRUPT not in frame.columns:
            nothing = F.lit(None).cast(REASONS_TYPE)
            return frame.withColumns({FATE: F.lit(KEPT), **({REASONS: nothing} if self.reasons else {})})
        is_corrupt = F.col(CORRUPT).isNotNull()
        frame = frame.withColumn(FATE, F.when(is_corrupt, F.lit(QUARANTINED)).otherwise(F.lit(KEPT)))
        if self.reasons:
            nothing = F.lit(None)
            why = F.array(_reason("source", None, "corrupt record", nothing, nothing)).cast(REASONS_TYPE)
            frame = frame.withColumn(REASONS, F.when(is_corrupt, why))
        return frame

    def before(self, frame: Any, step: Step, parameters: Parameters) -> Any:
        """Count what the step will do to the rows still alive, and mark those it rejects."""
        counts = step.counts(parameters)
        names = {f"{HIDDEN}count_{len(self.counted) + i}": what for i, what in enumerate(counts)}
        if names:
            alive = {n: nw.when(ALIVE).then(counts[what]).otherwise(nw.lit(0)) for n, what in names.items()}
            frame = frame.with_columns(**alive)
            self.counted.update({name: (step.label, what) for name, what in names.items()})
        rejections = step.rejections(parameters)
        return self._mark(frame, step.label, rejections) if rejections else frame

    def observed(self, frame: DataFrame, observation: Observation) -> DataFrame:
        """The frame with its rows counted as they pass, by fate and for the report."""
        F = _functions()
        fates = {"kept": KEPT, "dropped": DROPPED, "quarantined": QUARANTINED}
        totals = [F.count_if(F.col(FATE) == code).alias(name) for name, code in fates.items()]
        sums = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in self.counted]
        return frame.observe(observation, F.count(F.lit(1)).alias("read"), *totals, *sums)

    def counts(self, observed: Mapping[str, Any]) -> list[tuple[str, str, int]]:
        """(step, what, how many) from what was observed."""
        return [(step, what, int(observed[name])) for name, (step, what) in self.counted.items()]

    def _mark(self, frame: Any, label: str, rejections: Sequence[Rejection]) -> Any:
        frame = stop_on_errors(frame, label, rejections, alive=ALIVE)
        for action, code in (("drop", DROPPED), ("quarantine", QUARANTINED)):
            rules = [rejection for rejection in rejections if rejection.action == action]
            if rules and self.reasons and code == QUARANTINED:
                frame = _with_reasons(frame, label, rules)
            if rules:
                broken = any_of(rule.predicate for rule in rules)
                fate = nw.when(ALIVE & broken).then(nw.lit(code)).otherwise(nw.col(FATE))
                frame = frame.with_columns(fate.alias(FATE))
        return frame


def readable(frame: DataFrame) -> DataFrame:
    """The rows that could be read, without the column that tells: what a fit may learn from."""
    if CORRUPT not in frame.columns:
        return frame
    return frame.filter(_functions().col(CORRUPT).isNull()).drop(CORRUPT)


def _with_reasons(frame: Any, label: str, rules: Sequence[Rejection]) -> Any:
    F = _functions()
    parts = {
        f"{HIDDEN}{part}_{i}": expr
        for i, rule in enumerate(rules)
        for part, expr in (("broken", rule.predicate), ("value", rule.value), ("threshold", rule.threshold))
    }
    native = nw.to_native(frame.with_columns(**parts))
    told = [
        F.when(
            F.col(f"{HIDDEN}broken_{i}"),
            _reason(label, rule.column, rule.rule, F.col(f"{HIDDEN}value_{i}"), F.col(f"{HIDDEN}threshold_{i}")),
        )
        for i, rule in enumerate(rules)
    ]
    here = F.array_compact(F.array(*told)).cast(REASONS_TYPE)
    is_first = (F.col(FATE) == KEPT) & (F.size(here) > 0)
    reasons = F.when(is_first, here).otherwise(F.col(REASONS))
    return nw.from_native(native.withColumn(REASONS, reasons).drop(*parts))


def _reason(step: str, column: str | None, rule: str, value: Any, threshold: Any) -> Any:
    F = _functions()
    return F.struct(
        F.lit(step).alias("step"),
        F.lit(column).cast("string").alias("column"),
        F.lit(rule).alias("rule"),
        value.cast("double").alias("value"),
        threshold.cast("double").alias("threshold"),
    )


def _functions() -> Any:
    from pyspark.sql import functions

    return functions
