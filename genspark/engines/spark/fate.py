"""The fates of rows on Spark: marks and reasons as SQL, counts as an observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw

from genspark.columns.expressions import HIDDEN, count_true
from genspark.engines.fate import CORRUPT, CORRUPT_RECORD, DROPPED, FATE, KEPT, QUARANTINED, REASONS, judgements
from genspark.engines.spark.engine import stop_on_errors, text, with_judgements
from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import wrapped
from genspark.steps.judge import Judge
from genspark.steps.learner import Parameters
from genspark.steps.rejection import Counted, Rejection, StepCount

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Observation

REASONS_TYPE = "array<struct<step: string, column: string, rule: string, value: double, threshold: double>>"
ALIVE = f"{FATE} = {KEPT}"


@dataclass
class Fates:
    """Marks the fate of rows at each step and keeps all rows; `before` is the hook for `PipelineModel.apply`.

    With `reasons` each quarantined row carries why, one struct for each rule of the step it broke
    first; nothing is counted then, since that is done where the table is written. `counted` gathers
    the hidden columns of numbers for the report: column -> (step, what).

    Written in SQL text: a column is a dozen calls to the JVM, and there are several for every rule.
    """

    reasons: bool
    counted: dict[str, tuple[str, Counted]] = field(default_factory=dict)

    def start(self, frame: DataFrame) -> DataFrame:
        """The frame as read, with the first fate of each row: corrupt records are quarantined."""
        columns = {FATE: f"{KEPT}", REASONS: f"CAST(null AS {REASONS_TYPE})"}
        if CORRUPT in frame.columns:
            why = f"array({_reason(*CORRUPT_RECORD, 'null', 'null')})"
            columns[FATE] = f"CASE WHEN {CORRUPT} IS NULL THEN {KEPT} ELSE {QUARANTINED} END"
            columns[REASONS] = f"CAST(CASE WHEN {CORRUPT} IS NOT NULL THEN {why} END AS {REASONS_TYPE})"
        if not self.reasons:
            del columns[REASONS]
        return _with(frame, columns)

    def with_counts(self, frame: DataFrame, observation: Observation) -> DataFrame:
        """The frame with its rows counted as they pass, by fate and for the report."""
        F = functions()
        fates = {"dropped": DROPPED, "quarantined": QUARANTINED}
        totals = [F.count_if(F.col(FATE) == code).alias(name) for name, code in fates.items()]
        sums = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in self.counted]
        return frame.observe(observation, F.count(F.lit(1)).alias("read"), *totals, *sums)

    def before(self, frame: Any, step: Judge, parameters: Parameters) -> Any:
        """Count what the step will do to the rows still alive, and mark those it rejects."""
        counts = {} if self.reasons else step.counts(parameters)
        if counts:
            names = {what: self._counter(step.told_as, Counted.of(what)) for what in counts}
            numbers = {names[what]: count_true(predicates) for what, predicates in counts.items()}
            is_alive = nw.col(FATE) == KEPT
            frame = frame.with_columns(
                **{name: nw.when(is_alive).then(number).otherwise(nw.lit(0)) for name, number in numbers.items()}
            )
        rejections = step.rejections(parameters)
        return self._mark(frame, step.told_as, rejections) if rejections else frame

    def counts(self, observed: Mapping[str, Any]) -> list[StepCount]:
        """The numbers of the steps in an observation's values, in their order."""
        return [what.told(step, int(observed[name])) for name, (step, what) in self.counted.items()]

    def _counter(self, label: str, what: Counted) -> str:
        name = f"{HIDDEN}count_{len(self.counted)}"
        self.counted[name] = (label, what)
        return name

    def _mark(self, frame: Any, label: str, rejections: Sequence[Rejection]) -> Any:
        frame = stop_on_errors(frame, label, rejections, ALIVE)
        rules = [rejection for rejection in rejections if rejection.action != "error"]
        if not rules:
            return frame
        frame, sql = with_judgements(frame, rules)
        judged = list(zip(rules, sql, strict=True))
        columns: dict[str, str] = {}
        for what in () if self.reasons else dict.fromkeys(rule.counted for rule in rules):
            broken_by = [broken for rule, (broken, _, _) in judged if rule.counted == what]
            ones = " + ".join(f"CASE WHEN {broken} THEN 1 ELSE 0 END" for broken in broken_by)
            columns[self._counter(label, what)] = f"CASE WHEN {ALIVE} THEN {ones} ELSE 0 END"
        for action, code in (("drop", DROPPED), ("quarantine", QUARANTINED)):
            mine = [(rule, parts) for rule, parts in judged if rule.action == action]
            if not mine:
                continue
            is_broken = " OR ".join(f"coalesce({broken}, false)" for _, (broken, _, _) in mine)
            columns[FATE] = f"CASE WHEN {ALIVE} AND ({is_broken}) THEN {code} ELSE {columns.get(FATE, FATE)} END"
            if self.reasons and code == QUARANTINED:
                columns[REASONS] = (
                    f"CASE WHEN {ALIVE} AND ({is_broken}) THEN {_reasons(label, mine)} ELSE {REASONS} END"
                )
        return wrapped(_with(nw.to_native(frame), columns)).drop(list(judgements(rules)))


def readable(frame: DataFrame) -> DataFrame:
    """The rows that could be read, from which a fit may learn, without the column that marks corrupt records."""
    if CORRUPT not in frame.columns:
        return frame
    return frame.filter(functions().col(CORRUPT).isNull()).drop(CORRUPT)


def _with(frame: DataFrame, columns: Mapping[str, str]) -> DataFrame:
    """Add these columns of SQL, all computed from the columns before."""
    F = functions()
    return frame.withColumns({name: F.expr(sql) for name, sql in columns.items()})


def _reasons(label: str, rules: Sequence[tuple[Rejection, tuple[str, str, str]]]) -> str:
    """SQL for the array of reasons, one for each broken rule."""
    each = (
        f"CASE WHEN {broken} THEN {_reason(label, rule.column, rule.rule, value, threshold)} END"
        for rule, (broken, value, threshold) in rules
    )
    return f"CAST(array_compact(array({', '.join(each)})) AS {REASONS_TYPE})"


def _reason(step: str, column: str | None, rule: str, value: str, threshold: str) -> str:
    named = {
        "step": text(step),
        "column": "CAST(null AS STRING)" if column is None else text(column),
        "rule": text(rule),
        "value": f"CAST({value} AS DOUBLE)",
        "threshold": f"CAST({threshold} AS DOUBLE)",
    }
    return f"named_struct({', '.join(f'{text(name)}, {sql}' for name, sql in named.items())})"
