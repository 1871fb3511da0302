"""The fates of rows on Polars: rejected rows are counted and taken out as they pass; reasons are found afterwards."""

from __future__ import annotations

import functools
import operator
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl

from genspark.columns.expressions import HIDDEN
from genspark.engines.fate import (
    CORRUPT,
    CORRUPT_RECORD,
    FATE,
    KEPT,
    QUARANTINED,
    REASONS,
    judgement_columns,
    judgements,
)
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.polars.meter import METER
from genspark.engines.polars.stream import with_callback
from genspark.steps.judge import Judge
from genspark.steps.learner import Parameters
from genspark.steps.rejection import Bound, Counted, Rejection

REASON_FIELDS = {
    "step": pl.String,
    "column": pl.String,
    "rule": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
}
REASON = pl.Struct(REASON_FIELDS)
IS_QUARANTINED, IS_DROPPED = f"{HIDDEN}is_quarantined", f"{HIDDEN}is_dropped"
Aside = Callable[[pl.DataFrame], None]


@dataclass
class Counting:
    """Counts what the steps do and removes rejected rows; `before` is the hook for `PipelineModel.apply`.

    `totals` has the rows `read`, `dropped` and `quarantined`, and for each (step, what) of `counted`, in
    the order of the steps, the values. `aside` is given the rows to be quarantined, batch by batch.
    """

    aside: Aside | None = None
    totals: Counter[Any] = field(default_factory=Counter)
    counted: dict[tuple[str, Counted], None] = field(default_factory=dict)
    # Polars shows batches to several threads at once, and adding to a total is not one operation.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The rows that could be read; all rows are counted as they pass."""
        tells_corrupt = CORRUPT in frame.collect_schema()

        def see(batch: pl.DataFrame) -> None:
            with self._lock:
                self.totals["read"] += batch.height
                METER.add(batch.height)
                if tells_corrupt and batch[CORRUPT].null_count() < batch.height:
                    self._put_aside(batch, batch[CORRUPT].is_not_null())

        frame = with_callback(frame, see)
        return frame.filter(pl.col(CORRUPT).is_null()) if tells_corrupt else frame

    def before(self, frame: Any, step: Judge, parameters: Parameters) -> Any:
        """The frame without the rows that the step rejects; what the step does is counted as rows pass."""
        rejections = step.rejections(parameters)
        rules = [rule for rule in rejections if rule.action != "error"]
        frame = PolarsEngine().with_error_rules(frame, step.told_as, rejections)
        counts = step.counts(parameters)
        counted = [(Counted.of(what), predicate) for what, some in counts.items() for predicate in some]
        counted += [(rule.counted, rule.predicate) for rule in rules]
        if not counted:
            return frame
        names = {f"{HIDDEN}is_{i}": (step.told_as, what) for i, (what, _) in enumerate(counted)}
        self.counted.update(dict.fromkeys(names.values()))
        native = nw.to_native(frame.with_columns(**dict(zip(names, (p for _, p in counted), strict=True))))
        if not rules:
            return nw.from_native(with_callback(native, lambda batch: self._count(batch, names)).drop(list(names)))
        native = native.with_columns(_fates(list(names)[-len(rules) :], rules))
        native = with_callback(native, lambda batch: self._count_rejected(batch, names))
        kept = native.filter(~(pl.col(IS_QUARANTINED) | pl.col(IS_DROPPED)))
        return nw.from_native(kept.drop(*names, IS_QUARANTINED, IS_DROPPED))

    def _count(self, batch: pl.DataFrame, names: dict[str, tuple[str, Counted]]) -> None:
        with self._lock:
            for name, counter in names.items():
                self.totals[counter] += int(batch[name].sum())

    def _count_rejected(self, batch: pl.DataFrame, names: dict[str, tuple[str, Counted]]) -> None:
        self._count(batch, names)
        with self._lock:
            self.totals["dropped"] += int(batch[IS_DROPPED].sum())
            if batch[IS_QUARANTINED].any():
                self._put_aside(batch, batch[IS_QUARANTINED])

    def _put_aside(self, batch: pl.DataFrame, which: pl.Series) -> None:
        self.totals["quarantined"] += int(which.sum())
        if self.aside is not None:
            self.aside(batch.filter(which))


class Reasoning:
    """Marks quarantined rows with their reasons and keeps all rows; `before` is the hook as in `Counting`.

    `REASONS` has one struct for each rule of the step that the row broke first.
    """

    def start(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The rows with their first fate: corrupt records are quarantined from the start."""
        is_corrupt = pl.col(CORRUPT).is_not_null() if CORRUPT in frame.collect_schema() else pl.lit(False)
        why = pl.concat_list(_reason(*CORRUPT_RECORD, pl.lit(None), pl.lit(None)))
        fate = pl.when(is_corrupt).then(QUARANTINED).otherwise(KEPT)
        return frame.with_columns(fate.alias(FATE), pl.when(is_corrupt).then(why).alias(REASONS))

    def before(self, frame: Any, step: Judge, parameters: Parameters) -> Any:
        """The frame with those rows marked that the step sends to the quarantine."""
        rules = [rule for rule in step.rejections(parameters) if rule.action == "quarantine"]
        if not rules:
            return frame
        native = nw.to_native(frame.with_columns(**judgements(rules)))
        is_broken = (pl.col(FATE) == KEPT) & _any([broken for broken, _, _ in judgement_columns(rules)])
        fate = pl.when(is_broken).then(QUARANTINED).otherwise(pl.col(FATE)).alias(FATE)
        why = (
            pl.when(is_broken)
            .then(_reasons(step.told_as, judgement_columns(rules)))
            .otherwise(pl.col(REASONS))
            .alias(REASONS)
        )
        return nw.from_native(native.with_columns(fate, why).drop(list(judgements(rules))))


def readable(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The rows that could be read, from which a fit may learn, without the column that marks corrupt records."""
    if CORRUPT not in frame.collect_schema():
        return frame
    return frame.filter(pl.col(CORRUPT).is_null()).drop(CORRUPT)


def _fates(broken: Sequence[str], rules: Sequence[Rejection]) -> list[pl.Expr]:
    """Two columns: whether a row is quarantined, and whether it is dropped (only if not quarantined)."""
    by_action = {
        action: [name for name, rule in zip(broken, rules, strict=True) if rule.action == action]
        for action in ("quarantine", "drop")
    }
    quarantined, dropped = _any(by_action["quarantine"]), _any(by_action["drop"])
    return [quarantined.alias(IS_QUARANTINED), (dropped & ~quarantined).alias(IS_DROPPED)]


def _any(names: Sequence[str]) -> pl.Expr:
    each = [pl.col(name).fill_null(value=False) for name in names]
    return functools.reduce(operator.or_, each) if each else pl.lit(value=False)


def _reasons(label: str, rules: Sequence[tuple[str, str, Rejection]]) -> pl.Expr:
    """The list of reasons, one for each broken rule."""
    each = [
        pl.when(pl.col(broken)).then(
            _reason(label, rule.column, rule.rule, pl.col(value), _threshold(pl.col(value), *rule.bounds))
        )
        for broken, value, rule in rules
    ]
    return pl.concat_list(each).list.drop_nulls()


def _reason(step: str, column: str | None, rule: str, value: pl.Expr, threshold: pl.Expr) -> pl.Expr:
    parts = [pl.lit(step), pl.lit(column), pl.lit(rule), value, threshold]
    return pl.struct(part.alias(name) for part, name in zip(parts, REASON_FIELDS, strict=True)).cast(REASON)


def _threshold(value: pl.Expr, lower: Bound, upper: Bound) -> pl.Expr:
    low, high = (pl.col(b) if isinstance(b, str) else pl.lit(b, dtype=pl.Float64) for b in (lower, upper))
    if lower is None or upper is None:
        return low if upper is None else high
    return pl.when(value < low).then(low).otherwise(high)
