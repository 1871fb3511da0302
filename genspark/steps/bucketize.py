"""Replace a number by the bucket it falls into."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Any, ClassVar, Self

import narwhals as nw
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import number
from genspark.statistics import Quantiles, State, Statistic
from genspark.statistics.quantiles import DEFAULT_RANK_ERROR
from genspark.steps.base import STEP_CONFIG, ColumnStep
from genspark.steps.learner import Learner, Parameters


@dataclass(config=STEP_CONFIG)
class Bucketize(ColumnStep):
    """Replace x by the number of edges that are not above it: Int32 buckets from 0, open to the right.

    k `edges` make k + 1 buckets, as numpy.digitize does. With `buckets` n, each column has the edges that
    cut it into n parts of as many values, its quantiles at 1/n, 2/n and so on; edges that coincide are one,
    and one at the smallest value is none, so that a column may have fewer buckets, and a constant one has
    bucket 0 alone. Values beyond the edges, infinities among them, are in the first or the last bucket.
    Null and NaN stay null; a column with no value learns no edge. No bucket gives its value back.
    """

    edges: tuple[float, ...] | None = Field(default=None, min_length=1, description="Where buckets meet, ascending.")
    buckets: int | None = Field(
        default=None, ge=2, examples=[4], description="How many buckets of as many values, where no edges are given."
    )
    rank_error: float = Field(
        default=DEFAULT_RANK_ERROR,
        ge=0,
        lt=0.5,
        description="How far, as a share of the rows, a learnt edge may lie from its place; 0 is exact.",
    )

    kind: ClassVar[str] = "bucketize"

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.edges is None) == (self.buckets is None):
            given = "neither" if self.edges is None else "both"
            raise ValueError(f"edges: give either edges or buckets; got {given}")
        edges = self.edges or ()
        if any(low >= high for low, high in itertools.pairwise(edges)):
            raise ValueError(f"edges: each must be above the one before it; got {list(edges)}")
        return self

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, **dict.fromkeys(self.columns, nw.Int32())}

    def learner(self) -> Learner | None:
        return Edges(self.columns, self.buckets, self.rank_error) if self.buckets else None

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        learnt = parameters.get("edges", {})
        return frame.with_columns(*(_bucket(column, learnt.get(column, self.edges)) for column in self.columns))

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: of values of {column!r} the bucket alone is known" for column in self.columns]


@plain_dataclass(frozen=True)
class Edges(Learner):
    """The edges that cut each column into `buckets` parts of as many values: its quantiles."""

    columns: tuple[str, ...]
    buckets: int
    rank_error: float

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        return {"edges": {column: self._edges(column, states) for column in self.columns}}

    def _statistic(self, column: str) -> Quantiles:
        return Quantiles((column,), rank_error=self.rank_error, probabilities=self._probabilities)

    @property
    def _probabilities(self) -> tuple[float, ...]:
        return tuple(part / self.buckets for part in range(self.buckets))

    def _edges(self, column: str, states: Mapping[Statistic, State]) -> list[float]:
        statistic = self._statistic(column)
        quantiles = statistic.read(states[statistic], self._probabilities)
        # Nothing lies below the smallest value, which comes first.
        return sorted(set(quantiles) - {quantiles[0]}) if quantiles else []


def _bucket(column: str, edges: Sequence[float]) -> nw.Expr:
    x = number(column)
    # Cast where it is known: pandas casts no null to an integer.
    whole = _halved(x, edges, 0).cast(nw.Int32)
    return nw.when(~x.is_null()).then(whole).alias(column)


def _halved(x: nw.Expr, edges: Sequence[float], first: int) -> nw.Expr:
    """The bucket from `first` on, by a binary search among the edges."""
    if not edges:
        return nw.lit(first)
    middle = len(edges) // 2
    below, above = _halved(x, edges[:middle], first), _halved(x, edges[middle + 1 :], first + middle + 1)
    return nw.when(x < edges[middle]).then(below).otherwise(above)
