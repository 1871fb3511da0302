"""The statistics as Spark SQL aggregates: all of a scan's in one aggregation.

The aggregates are SQL text, not columns: a column is a dozen calls to the JVM, and 500 columns of
moments would be longer on their way there than in the scan.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genspark.columns.expressions import HIDDEN
from genspark.engines.spark.errors import lacks_package
from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import quoted
from genspark.engines.spark.scan_arrow import gather_arrow
from genspark.errors import DataError, PlanError
from genspark.statistics import Extremes, Frequencies, Moments, Quantiles, State, Statistic
from genspark.statistics.base import GROUP_LIMIT, check_group_types, check_groups, grouped
from genspark.statistics.moments import overflows
from genspark.statistics.quantiles import identity

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Values = Mapping[str, Any]
Reader = Callable[[Values], State]

LARGEST = "1.7976931348623157E308D"


AGGREGATED = (Moments, Extremes, Quantiles, Frequencies)
"""What Spark SQL has aggregates for."""


GROUPING = ("string", "boolean", "byte", "short", "integer", "long")
"""The types of columns that rows are grouped by."""

MOST_AGGREGATED, SKETCH = 50, 10
"""Columns beyond which the code that Spark generates for an aggregation costs more than Arrow batches do, and as how
many of them a sketch counts: Spark's takes the values one by one."""


def scan(frame: DataFrame, statistics: Sequence[Statistic]) -> dict[Statistic, State]:
    """The states of statistics that share `by`, in one job: one aggregation, or one pass of Arrow batches."""
    if any(not isinstance(statistic, AGGREGATED) for statistic in statistics):
        return gather_arrow(frame, statistics).states()
    quantiles = [statistic for statistic in statistics if isinstance(statistic, Quantiles)]
    columns = {column for statistic in statistics for column in statistic.columns}
    # Spark merges the sketches of groups in a shuffle, where tasks of ours would send every group's to the driver.
    sketches = 0 if statistics[0].by else len(quantiles)
    is_heavy = len(columns) + SKETCH * sketches > MOST_AGGREGATED
    # Exact quantiles would bring every value to the driver.
    if is_heavy and all(statistic.rank_error for statistic in quantiles):
        try:
            return gather_arrow(frame, statistics).states()
        except Exception as error:
            # Workers without genspark aggregate all that too, only slowly.
            if not lacks_package(error):
                raise
    return scan_sql(frame, statistics)


def scan_sql(frame: DataFrame, statistics: Sequence[Statistic]) -> dict[Statistic, State]:
    """The states of statistics that share `by`, in one aggregation."""
    aggregates = Aggregates({field.name: field.dataType.typeName() for field in frame.schema.fields})
    readers = {statistic: aggregates.reader(statistic) for statistic in statistics}
    by = statistics[0].by
    frame = frame.selectExpr("*", *aggregates.finite_columns())
    if not by:
        (row,) = frame.selectExpr(*aggregates.sql()).collect()
        values = row.asDict()
        return {statistic: read(values) for statistic, read in readers.items()}
    F = functions()
    check_group_types({column: kind for column in by if (kind := aggregates.types[column]) not in GROUPING})
    grouped_frame = frame.groupBy(*(quoted(column) for column in by))
    # One more than there may be is enough to tell that there are too many.
    results = grouped_frame.agg(*(F.expr(sql) for sql in aggregates.sql())).limit(GROUP_LIMIT + 1).collect()
    check_groups(by, len(results))
    rows = [row.asDict() for row in results]
    keys = [tuple(row[column] for column in by) for row in rows]
    return {
        statistic: grouped({key: read(row) for key, row in zip(keys, rows, strict=True)})
        for statistic, read in readers.items()
    }


class Aggregates:
    """The distinct aggregates that some statistics need, each computed once and read back by name."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self.types = types
        self._names: dict[str, str] = {}
        self._finites: dict[str, str] = {}
        self._total = self.add("count(1)")

    def add(self, sql: str) -> str:
        """Compute an aggregate, unless it already is; its name in the result."""
        return self._names.setdefault(sql, f"a{len(self._names)}")

    def sql(self) -> list[str]:
        """Every aggregate, named."""
        return [f"{sql} AS {name}" for sql, name in self._names.items()]

    def finite_columns(self) -> list[str]:
        """The columns of finite values that the aggregates read, named."""
        return [f"{sql} AS {name}" for sql, name in self._finites.items()]

    def reader(self, statistic: Statistic) -> Reader:
        """Register what a statistic needs; the function that reads its state from a result row."""
        match statistic:
            case Moments():
                return self._moments(statistic.column)
            case Extremes():
                return self._extremes(statistic.column)
            case Quantiles():
                return self._quantiles(statistic)
            case Frequencies():
                return self._frequencies(statistic)
        raise PlanError(f"the spark engine has no way to compute {statistic.kind}")

    def _moments(self, column: str) -> Reader:
        counts, finite = self._counts(column), self._finite(column)
        mean, variance, low = (self.add(f"{function}({finite})") for function in ("avg", "var_pop", "min"))

        def state(row: Values) -> State:
            counted = counts(row)
            if not counted["count"]:
                return {**counted, "mean": 0.0, "m2": 0.0}
            if not (math.isfinite(row[mean]) and math.isfinite(row[variance])):
                raise DataError(overflows(column))
            # Population variance, so that M2 is it times the count and merges exactly.
            # A sum rounds: 3000 times 1e8 + 0.1 has a mean 3e-6 beside it. A constant column's is any value.
            average = row[mean] if row[variance] else row[low]
            return {**counted, "mean": average, "m2": row[variance] * counted["count"]}

        return state

    def _extremes(self, column: str) -> Reader:
        counts, finite = self._counts(column), self._finite(column)
        low, high = self.add(f"min({finite})"), self.add(f"max({finite})")
        return lambda row: {**counts(row), "min": row[low], "max": row[high]}

    def _quantiles(self, statistic: Quantiles) -> Reader:
        counts, finite = self._counts(statistic.column), self._finite(statistic.column)
        if not statistic.rank_error:
            ranks = ", ".join(f"{p!r}D" for p in statistic.probabilities)
            values = self.add(f"percentile({finite}, array({ranks}))")
            return lambda row: {**counts(row), "values": None if row[values] is None else list(row[values])}
        sketch = self.add(f"kll_sketch_agg_double({finite}, {statistic.k})")

        def state(row: Values) -> State:
            counted = counts(row)
            text = base64.b64encode(row[sketch]).decode("ascii") if counted["count"] else None
            return {**counted, "sketch": text, **identity()}

        return state

    def _frequencies(self, statistic: Frequencies) -> Reader:
        column, capacity = quoted(statistic.column), statistic.capacity
        has_nan = self.is_float(statistic.column)
        present = f"{column} IS NOT NULL" + (f" AND NOT isnan({column})" if has_nan else "")
        # Infinities are present, and are no JSON: they are not counted one by one.
        finite = f"{present} AND abs({column}) <> double('Infinity')" if has_nan else present
        # The sketch takes -0.0 and 0.0 for two values; added to 0.0, they are one.
        value = f"{column} + 0.0D" if has_nan else column
        sketch = f"approx_top_k_accumulate({value}, {capacity}) FILTER (WHERE {finite})"
        total = self.add(f"count_if({present})")
        top = self.add(f"approx_top_k_estimate({sketch}, {capacity})")
        header = self.add(f"substring(({sketch}).sketch, 1, {_ITEMS_HEADER})")

        def state(row: Values) -> State:
            counts = {item["item"]: item["count"] for item in row[top] or ()}
            return statistic.state(counts, row[self._total] - row[total], row[total], _items_error(row[header]))

        return state

    def _counts(self, column: str) -> Reader:
        count = self.add(f"count({self._finite(column)})")
        if not self.is_float(column):
            return lambda row: _counted(row[self._total], row[count], 0, 0)
        plus, minus = (self.add(f"count_if({quoted(column)} = double('{sign}Infinity'))") for sign in ("", "-"))
        return lambda row: _counted(row[self._total], row[count], row[plus], row[minus])

    def _finite(self, column: str) -> str:
        # A column of its own and not an expression in each aggregate: what Spark generates for the
        # whole would be too long for the JVM to compile, and run ten times slower.
        value = sql = f"CAST({quoted(column)} AS DOUBLE)"
        if self.is_float(column):
            # Spark ranks NaN above infinity, so one comparison tells finite values.
            sql = f"CASE WHEN abs({value}) <= {LARGEST} THEN {value} END"
        return self._finites.setdefault(sql, f"{HIDDEN}finite_{len(self._finites)}")

    def is_float(self, column: str) -> bool:
        """Whether a column's type has NaN and infinities."""
        return self.types[column] in ("double", "float")


# The header of a DataSketches frequent-items sketch: preamble and flags (8 bytes), active items
# (4, and 4 unused), stream weight (8), offset (8). An empty sketch has the first 8 bytes alone.
# A count may be off by the offset; Spark lists values that are above it for certain, and what it
# leaves out may occur twice the offset.
_ITEMS_HEADER = 32


def _items_error(header: bytes | None) -> int:
    if header is None or len(header) < _ITEMS_HEADER:
        return 0
    (offset,) = struct.unpack_from("<q", header, 24)
    return 2 * int(offset)


def _counted(total: int, finite: int, plus: int, minus: int) -> State:
    return {
        "count": finite,
        "missing": total - finite - plus - minus,
        "positive_infinities": plus,
        "negative_infinities": minus,
    }
