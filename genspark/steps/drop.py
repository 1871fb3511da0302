"""Take columns away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Parameters
from genspark.steps.matching import Columns, match


@dataclass(config=STEP_CONFIG)
class Drop(Step):
    """Take these columns away. The inverse cannot bring them back, and `losses` says so."""

    columns: Columns

    kind: ClassVar[str] = "drop"

    def bind(self, schema: Schema) -> Self:
        return replace(self, columns=match(self.columns, schema, lambda _: True, "any type"))

    def writes(self) -> frozenset[str]:
        return frozenset(self.columns)

    def output_schema(self, schema: Schema) -> Schema:
        return {column: dtype for column, dtype in schema.items() if column not in self.columns}

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        # A frame to be served may lack them already, and is none the worse for it.
        return frame.drop(self.columns, strict=False)

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: {c!r} was dropped" for c in self.columns]
