"""Vocabularies, learnt by counting values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.errors import DataError
from genspark.statistics import Frequencies, State, Statistic
from genspark.statistics.frequencies import DEFAULT_CAPACITY
from genspark.steps.encode.vocabulary import Value
from genspark.steps.learner import Learner, Parameters


@dataclass(frozen=True)
class Vocabularies(Learner):
    """Each column's values that occur at least `min_count` times, by falling frequency, then by value.

    Parameters: `vocabularies` (column -> at most `max_size` values), `kinds` (column -> key of
    `vocabulary.TYPES`) and `errors` (column -> by how much a count may be off, where it may). Raises DataError
    for more values than `max_size`, unless `overflow` is unknown.
    """

    columns: tuple[str, ...]
    label: str
    max_size: int
    min_count: int
    overflow: Literal["error", "unknown"]

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        counts = {column: states[self._statistic(column)] for column in self.columns}
        return {
            "vocabularies": {column: self._vocabulary(column, state) for column, state in counts.items()},
            "kinds": {column: _kind(schema[column]) for column in self.columns},
            "errors": {column: state["error"] for column, state in counts.items() if state["error"]},
        }

    def _statistic(self, column: str) -> Statistic:
        # Counts are exact while all values fit, so more are counted than are kept.
        return Frequencies((column,), capacity=max(DEFAULT_CAPACITY, self.max_size))

    def _vocabulary(self, column: str, state: State) -> list[Value]:
        known = [value for value, count in state["values"] if count >= self.min_count]
        # Values that were not even counted occurred at most `error` times: min_count may leave them out anyway.
        is_too_large = len(known) > self.max_size or state["error"] >= self.min_count
        if is_too_large and self.overflow == "error":
            raise DataError(
                f"{self.label}: column {column!r} has more than {self.max_size:,} distinct values; raise max_size or "
                "min_count, set overflow: unknown, or use method: hash"
            )
        return known[: self.max_size]


def _kind(dtype: Any) -> str:
    if isinstance(dtype, nw.Boolean):
        return "boolean"
    if isinstance(dtype, nw.UInt64):
        return "unsigned"
    return "integer" if dtype.is_integer() else "string"
