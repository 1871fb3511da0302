"""The spark engine: Spark SQL on a classic or Connect session, the reference for semantics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw

from genspark.engines.engine import Engine, over_columns
from genspark.engines.spark_errors import RAISED, spark_errors
from genspark.engines.spark_scan import scan
from genspark.expressions import HIDDEN, any_of
from genspark.hashing import UNIT, Draw
from genspark.statistics import State, Statistic
from genspark.steps.base import Rejection

if TYPE_CHECKING:
    from pyspark.sql import Column


class SparkEngine(Engine):
    """Frames are narwhals frames over a Spark DataFrame; nothing runs but `scan`."""

    name: ClassVar[str] = "spark"

    def scan(self, frame: Any, statistics: Sequence[Statistic]) -> dict[Statistic, State]:
        with spark_errors():
            return scan(nw.to_native(frame), statistics)

    def with_draws(self, frame: Any, key: Sequence[str], draws: Sequence[Draw]) -> Any:
        if not draws:
            return frame
        F, native = _functions(), nw.to_native(frame)
        types = {field.name: field.dataType.typeName() for field in native.schema.fields}
        added: dict[str, Column] = {}
        for over, group in over_columns(key, draws).items():
            hashes = [_hash(column, types[column], position) for position, column in enumerate(over)]
            row_hash = hashes[0]
            for other in hashes[1:]:
                row_hash = row_hash.bitwiseXOR(other)
            # A column of its own, so that the key is hashed once and not for every draw.
            name = f"{HIDDEN}hash_{len(added)}"
            native = native.withColumn(name, row_hash)
            for draw in group:
                bits = F.xxhash64(F.lit(draw.seed).cast("long"), F.lit(draw.stream), F.col(name))
                added[draw.column] = F.shiftrightunsigned(bits, 11).cast("double") * F.lit(UNIT)
            native = native.withColumns({d.column: added[d.column] for d in group}).drop(name)
        return nw.from_native(native)

    def remove(self, frame: Any, label: str, rejections: Sequence[Rejection]) -> Any:
        frame = stop_on_errors(frame, label, rejections)
        removing = [rejection.predicate for rejection in rejections if rejection.action != "error"]
        return frame.filter(~any_of(removing)) if removing else frame


def stop_on_errors(frame: Any, label: str, rejections: Sequence[Rejection], alive: nw.Expr | None = None) -> Any:
    """A frame whose evaluation fails at the first row that breaks a rule of action `error`."""
    F = _functions()
    for rule in (rejection for rejection in rejections if rejection.action == "error"):
        broken = rule.predicate if alive is None else alive & rule.predicate
        names = [f"{HIDDEN}{part}" for part in ("broken", "value", "threshold")]
        exprs = (broken, rule.value, rule.threshold)
        native = nw.to_native(frame.with_columns(*(e.alias(n) for e, n in zip(exprs, names, strict=True))))
        told = F.concat(
            F.lit(f"{RAISED}{label}: column {rule.column!r} has the value "),
            F.col(names[1]).cast("string"),
            F.lit(f", outside the {rule.rule} (edge "),
            F.col(names[2]).cast("string"),
            F.lit("); clean it before, or set the step's rule for such values"),
        )
        passes = F.when(F.col(names[0]), F.raise_error(told).cast("boolean")).otherwise(F.lit(True))
        frame = nw.from_native(native.filter(passes).drop(*names))
    return frame


def _hash(column: str, kind: str, position: int) -> Any:
    """XXH64 of one column of the key, as hashing.py defines it."""
    F = _functions()
    value = F.col(f"`{column}`")
    if kind in ("byte", "short", "integer", "boolean"):
        value = value.cast("long") if kind != "boolean" else value.cast("int").cast("long")
    elif kind in ("float", "double"):
        # + 0.0 makes -0.0 the same as 0.0; NaN is missing like null.
        value = F.when(~F.isnan(value), value.cast("double") + F.lit(0.0))
    elif kind == "date":
        value = F.unix_date(value).cast("long")
    elif kind == "timestamp":
        value = F.unix_micros(value)
    elif kind == "timestamp_ntz":
        # Not by way of a timestamp, whose number would depend on the session's time zone.
        seconds = F.hour(value) * 3600 + F.minute(value) * 60 + F.extract(F.lit("SECOND"), value)
        value = (F.unix_date(value.cast("date")) * F.lit(86_400).cast("long") + seconds) * 1_000_000
        value = value.cast("long")
    return F.xxhash64(F.lit(position).cast("long"), value)


def _functions() -> Any:
    from pyspark.sql import functions

    return functions
