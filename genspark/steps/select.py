"""Keep some columns, in the order given."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Any, ClassVar, Self

from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import is_hidden
from genspark.errors import SchemaError, did_you_mean
from genspark.statistics import State, Statistic
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Learner, Parameters
from genspark.steps.matching import Columns, match


@dataclass(config=STEP_CONFIG)
class Select(Step):
    """Keep these columns and no others, in this order; a pattern stands for its matches.

    The inverse cannot bring the others back, and `losses` says so.
    """

    columns: Columns

    kind: ClassVar[str] = "select"

    def bind(self, schema: Schema) -> Self:
        match(self.columns, schema, lambda _: True, "any type")
        ordered = dict.fromkeys(c for p in self.columns for c in schema if c == p or fnmatch.fnmatchcase(c, p))
        return replace(self, columns=tuple(ordered))

    def output_schema(self, schema: Schema) -> Schema:
        return {column: schema[column] for column in self.columns}

    def learner(self) -> Learner:
        return LeftOut(self.columns)

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        names = frame.collect_schema().names()
        absent = [column for column in self.columns if column not in names]
        if absent:
            raise SchemaError([f"columns: {c!r} is not a column{did_you_mean(c, names)}" for c in absent])
        hidden = [name for name in names if is_hidden(name)]
        return frame.select(*self.columns, *hidden)

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: {c!r} was left out" for c in parameters["left_out"]]


@plain_dataclass(frozen=True)
class LeftOut(Learner):
    """The columns of the input that are not kept, from its schema alone."""

    kept: tuple[str, ...]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        return {"left_out": [column for column in schema if column not in self.kept]}
