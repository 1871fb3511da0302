"""Bend a long tail: logarithm and square root."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Any, ClassVar, Literal

import narwhals as nw
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.expressions import expm1, log1p, number
from genspark.steps.base import STEP_CONFIG, ColumnStep, Parameters, Rejection, changed, present


@plain_dataclass(frozen=True)
class _Function:
    forward: Callable[[nw.Expr], nw.Expr]
    backward: Callable[[nw.Expr], nw.Expr]
    edge: float
    takes_edge: bool

    def rejects(self, x: nw.Expr) -> nw.Expr:
        """Whether a number lies outside the domain; null where it is missing."""
        return x < self.edge if self.takes_edge else x <= self.edge


FUNCTIONS: Mapping[str, _Function] = {
    "log": _Function(lambda x: x.log(), lambda y: y.exp(), edge=0.0, takes_edge=False),
    "log1p": _Function(log1p, expm1, edge=-1.0, takes_edge=False),
    "sqrt": _Function(lambda x: x.sqrt(), lambda y: y * y, edge=0.0, takes_edge=True),
}


@dataclass(config=STEP_CONFIG)
class Transform(ColumnStep):
    """Replace x by log(x) (natural; x > 0), log(1 + x) (x > -1) or the square root (x >= 0).

    The columns become Float64. Missing stays missing and becomes null; +infinity stays. A value
    outside the domain is dealt with as `invalid` says: error stops the job, naming the column, the
    value and the edge of the domain; null erases the value; drop and quarantine take the row out.
    Inverse: exp, expm1 and the square, exact up to rounding. Nothing is learnt, so nothing is scanned.
    """

    function: Literal["log", "log1p", "sqrt"] = Field(description="What to apply.")
    invalid: Literal["error", "null", "drop", "quarantine"] = Field(
        default="error", description="What becomes of a value outside the function's domain."
    )

    kind: ClassVar[str] = "transform"

    @property
    def filters(self) -> bool:
        return self.invalid in ("drop", "quarantine")

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if self.invalid == "null":
            return []
        bounds, rule = (self._function.edge, None), f"{self.function} domain"
        return [
            Rejection(c, rule, self._function.rejects(number(c)), number(c), bounds, self.invalid) for c in self.columns
        ]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return frame.with_columns(*(self._forward(column) for column in self.columns))

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        backward = self._function.backward
        return changed(frame, (backward(number(c)).alias(c) for c in present(frame, self.columns)))

    def losses(self, parameters: Parameters) -> Sequence[str]:
        if self.invalid == "error":
            return []
        return [f"{self.label}: values of {c!r} outside the domain of {self.function} are gone" for c in self.columns]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        if self.invalid != "null":
            return {}
        rejects = self._function.rejects
        return {f"{self.function} domain": [rejects(number(c)) for c in self.columns]}

    @property
    def _function(self) -> _Function:
        return FUNCTIONS[self.function]

    def _forward(self, column: str) -> nw.Expr:
        x = number(column)
        # Outside the domain the engines differ (null, NaN, -inf), so no engine is asked there.
        return nw.when(~self._function.rejects(x)).then(self._function.forward(x)).alias(column)
