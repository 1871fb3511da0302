"""Cut rows into train, validation and test by the hash of their key."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import narwhals as nw
import pyarrow as pa
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import Draw, column_seed, uniform
from genspark.columns.kernels import Kernel
from genspark.columns.series_hash import hash_series
from genspark.errors import SchemaError, did_you_mean
from genspark.statistics.groups import check_by
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Parameters


@dataclasses.dataclass(frozen=True)
class DrawnHere:
    """The draw of each row by the value of one column, hashed as a column of the source would be."""

    draw: Draw

    def __call__(self, arrays: Sequence[pa.Array]) -> list[pa.Array]:
        (values,) = arrays
        if pa.types.is_floating(values.type):
            # pandas makes integers floats where nulls are.
            values = values.cast(pa.int64())
        hashed = hash_series(nw.from_native(pa.chunked_array([values]), series_only=True), column_seed(0))
        return [pa.array(uniform(hashed, self.draw))]


@dataclass(config=STEP_CONFIG)
class Split(Step):
    """Add a string column that names each row's part, drawn by hash(seed, row key) alone.

    The same key is in the same part in every run, on every engine and under any partitioning, and
    stays there when rows are added. With `group`, the hash of that column decides, so a group is
    never cut in two. Keys and groups are hashed as they were read, before any step; a null group
    is a group. With `cluster` the hash of a column that an earlier step made decides, as it is here: that of
    `deduplicate` with action flag, so that no two parts have duplicates of each other. What is learnt on one part then
    needs a job of its own: see `fit_on`. Empty input gives an empty column.
    """

    fractions: dict[str, float] = Field(
        min_length=1, description="Part -> share; the shares sum to 1.", examples=[{"train": 0.8, "test": 0.2}]
    )
    seed: int = Field(default=0, description="Another seed, another split.")
    column: str = Field(default="split", min_length=1, description="The column that is added.")
    group: str | None = Field(default=None, description="A column whose equal values stay together.")

    cluster: str | None = Field(
        default=None, description="A column, as earlier steps left it, whose equal values stay together."
    )

    kind: ClassVar[str] = "split"

    @model_validator(mode="after")
    def _fractions_sum_to_one(self) -> Self:
        negative = {name: share for name, share in self.fractions.items() if not share >= 0}
        if negative:
            raise ValueError(f"fractions: a share cannot be negative; got {negative}")
        whole = math.fsum(self.fractions.values())
        if abs(whole - 1.0) > 1e-9:
            raise ValueError(f"fractions: must sum to 1; {self.fractions} sum to {whole:.10g}")
        return self

    @model_validator(mode="after")
    def _one_column_decides(self) -> Self:
        if self.group is not None and self.cluster is not None:
            raise ValueError("cluster: goes without group; leave one of the two out")
        return self

    def bind(self, schema: Schema) -> Self:
        if self.cluster is not None:
            check_by([self.cluster], schema, "cluster")
        if self.group is not None and self.group not in schema:
            raise SchemaError(f"group: {self.group!r} is not a column{did_you_mean(self.group, schema)}")
        if self.column in schema:
            raise SchemaError(f"column: {self.column!r} is already a column; give the split another name")
        return self

    def reads(self) -> frozenset[str]:
        return frozenset() if self.cluster is None else frozenset([self.cluster])

    def writes(self) -> frozenset[str]:
        return frozenset([self.column])

    def made_from(self, column: str) -> frozenset[str]:
        if column != self.column:
            return frozenset([column])
        return frozenset(name for name in (self.group, self.cluster) if name is not None)

    def output_schema(self, schema: Schema) -> Schema:
        return {**schema, self.column: nw.String()}

    def draws(self) -> Sequence[Draw]:
        return [self._draw()] if self.cluster is None else []

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        if self.cluster is None:
            return []
        return [Kernel((self.cluster,), {self._draw().column: pa.float64()}, DrawnHere(self._draw()))]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(self._part().alias(self.column))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return frame.drop([self.column], strict=False)

    def _draw(self) -> Draw:
        over = self.group or self.cluster
        return Draw(self.seed, "split", None if over is None else (over,))

    def _part(self) -> nw.Expr:
        parts = [name for name, share in self.fractions.items() if share > 0]
        edges = list(itertools.accumulate(self.fractions[name] for name in parts))
        u = nw.col(self._draw().column)
        part: nw.Expr = nw.lit(parts[-1])
        for name, edge in reversed(list(zip(parts[:-1], edges[:-1], strict=True))):
            part = nw.when(u < edge).then(nw.lit(name)).otherwise(part)
        return part
