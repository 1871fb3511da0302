"""The spark engine: Spark SQL on a classic or Connect session, the reference for semantics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from genspark.columns.expressions import HIDDEN
from genspark.columns.hashing import UNIT, Drawn, KeyHash
from genspark.columns.kernels import Kernel
from genspark.columns.names import twins
from genspark.engines.engine import Engine, over_columns
from genspark.engines.fate import judgement_columns, judgements
from genspark.engines.gathered import Gathered
from genspark.engines.spark.errors import RAISED, spark_errors
from genspark.engines.spark.functions import functions
from genspark.engines.spark.kernels import with_kernel
from genspark.engines.spark.names import quoted, wrapped
from genspark.engines.spark.scan_arrow import gather_arrow
from genspark.engines.spark.scan_sql import scan
from genspark.errors import SchemaError
from genspark.statistics import State, Statistic
from genspark.steps.rejection import Bound, Rejection
from genspark.storage.secrets import MASK

if TYPE_CHECKING:
    from pyspark.sql import Column


class SparkEngine(Engine):
    """Works on narwhals frames over a Spark DataFrame; only `gather` and `scan` compute anything."""

    def check_names(self, frame: Any) -> None:
        native = nw.to_native(frame)
        if (alike := twins(native.columns)) and native.sparkSession.conf.get("spark.sql.caseSensitive") != "true":
            raise SchemaError(
                [
                    f"columns {one!r} and {other!r} differ in case alone, so that Spark cannot tell them apart; "
                    "rename one in the source, or set spark.sql.caseSensitive to true"
                    for one, other in alike
                ]
            )

    def gather(self, frame: Any, statistics: Sequence[Statistic]) -> Gathered:
        """Gather from Arrow batches: Spark SQL's aggregates do not all merge, and its means are rounded sums."""
        with spark_errors():
            return gather_arrow(nw.to_native(frame), statistics)

    def scan(self, frame: Any, statistics: Sequence[Statistic]) -> dict[Statistic, State]:
        with spark_errors():
            return scan(nw.to_native(frame), statistics)

    def with_draws(self, frame: Any, key: Sequence[str], draws: Sequence[Drawn]) -> Any:
        if not draws:
            return frame
        F, native = functions(), nw.to_native(frame)
        types = {field.name: field.dataType.typeName() for field in native.schema.fields}
        added: dict[str, Column] = {}
        for over, group in over_columns(key, draws, native.columns).items():
            hashes = [_hash(column, types[column], position) for position, column in enumerate(over)]
            row_hash = hashes[0]
            for other in hashes[1:]:
                row_hash = row_hash.bitwiseXOR(other)
            # A column of its own, so that the key is hashed once and not for every draw.
            name = f"{HIDDEN}hash_{len(added)}"
            native = native.withColumn(name, row_hash)
            for draw in group:
                if isinstance(draw, KeyHash):
                    added[draw.column] = F.col(name)
                    continue
                bits = F.xxhash64(F.lit(draw.seed).cast("long"), F.lit(draw.stream), F.col(name))
                added[draw.column] = F.shiftrightunsigned(bits, 11).cast("double") * F.lit(UNIT)
            native = native.withColumns({d.column: added[d.column] for d in group}).drop(name)
        return wrapped(native)

    def with_kernels(self, frame: Any, kernels: Sequence[Kernel]) -> Any:
        native = nw.to_native(frame)
        for kernel in kernels:
            native = with_kernel(native, kernel)
        return wrapped(native)

    def with_error_rules(self, frame: Any, label: str, rejections: Sequence[Rejection]) -> Any:
        return stop_on_errors(frame, label, rejections)


def stop_on_errors(frame: Any, label: str, rejections: Sequence[Rejection], alive: str = "true") -> Any:
    """Make evaluation fail at a row that breaks a rule of action `error`, where SQL `alive` is true.

    The rows stay the same.
    """
    rules = [rejection for rejection in rejections if rejection.action == "error"]
    if not rules:
        return frame
    frame, sql = with_judgements(frame, rules)
    native = nw.to_native(frame)
    for rule, (broken, value, threshold) in zip(rules, sql, strict=True):
        told = [text(f"{RAISED}{label}: {rule.broken}")]
        message = [
            text(f"{RAISED}{label}: column {rule.column!r} has the value "),
            text(MASK) if rule.is_private else f"CAST({value} AS STRING)",
            text(f", {rule.breaks} (edge "),
            f"CAST({threshold} AS STRING)",
            text("); clean it before, or set the step's rule for such values"),
        ]
        stop = f"CAST(raise_error(concat({', '.join(message if rule.has_value else told)})) AS BOOLEAN)"
        native = native.filter(f"CASE WHEN {alive} AND {broken} THEN {stop} ELSE true END")
    return wrapped(native).drop(list(judgements(rules)))


def with_judgements(frame: Any, rules: Sequence[Rejection]) -> tuple[Any, list[tuple[str, str, str]]]:
    """The frame with the columns of `judgements`, and for each rule SQL of: whether it is broken, value, threshold.

    The rest is SQL text, because columns cost a call to the JVM for each operation.
    """
    sql = [(broken, value, _threshold(value, *rule.bounds)) for broken, value, rule in judgement_columns(rules)]
    return frame.with_columns(**judgements(rules)), sql


def text(value: str) -> str:
    """A string as an SQL literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _threshold(value: str, lower: Bound, upper: Bound) -> str:
    if lower is None and upper is None:
        return "CAST(null AS DOUBLE)"
    low, high = (quoted(bound) if isinstance(bound, str) else f"{bound!r}D" for bound in (lower, upper))
    if lower is None or upper is None:
        return low if upper is None else high
    return f"CASE WHEN {value} < {low} THEN {low} ELSE {high} END"


def _hash(column: str, kind: str, position: int) -> Any:
    """XXH64 of one column of the key, as hashing.py defines it."""
    F = functions()
    value = F.col(quoted(column))
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
