"""Keep the rows for which a predicate is true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import narwhals as nw
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.kernels import Kernel
from genspark.columns.patterns import matching
from genspark.columns.sql import Predicate, checked, predicate
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Parameters
from genspark.steps.rejection import Rejection


@dataclass(config=STEP_CONFIG)
class Filter(Step):
    """Keep the rows for which a predicate is true; where it is false or null the row is taken out.

    The predicate is SQL, and the same on every engine: comparisons, AND, OR, NOT, IN, BETWEEN, IS NULL, LIKE,
    RLIKE (a regular expression of RE2, anywhere in the text), + - * / as Float64 (what is divided by 0 is null),
    CASE WHEN, IF, COALESCE, ABS, LENGTH (in characters), LOWER, UPPER, and DATE or TIMESTAMP '...'. Names with
    spaces stand in backticks, texts in quotes. Null is unknown: `x > 0` is null, not false, where x is null.
    Nothing is learnt, so nothing is scanned.
    """

    where: str = Field(description="The predicate, as SQL.", examples=["n > 5 AND x IS NOT NULL"])
    action: Literal["drop", "quarantine"] = Field(default="drop", description="Where the other rows go.")

    kind: ClassVar[str] = "filter"

    @field_validator("where")
    @classmethod
    def _is_sql(cls, text: str) -> str:
        return checked(text)

    @property
    def filters(self) -> bool:
        return True

    def bind(self, schema: Schema) -> Self:
        predicate(self.where, schema, place="where")
        return self

    def reads(self) -> frozenset[str]:
        return self._predicate.columns

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        return matching(self._predicate.patterns)

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        is_out = ~self._predicate.expression.fill_null(False)
        return [Rejection(None, self.where, is_out, nw.lit(None).cast(nw.Float64), (None, None), self.action)]

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: rows that are taken out stay out ({c!r})" for c in sorted(self.reads())]

    @property
    def _predicate(self) -> Predicate:
        return predicate(self.where, label=self.kind)
