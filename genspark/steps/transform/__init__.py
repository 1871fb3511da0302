"""Bend a long tail: logarithm, roots, and the powers that make a column most nearly normal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import narwhals as nw
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.expressions import HIDDEN, changed, number, present
from genspark.steps.base import STEP_CONFIG, ColumnStep
from genspark.steps.learner import Learner, Parameters
from genspark.steps.rejection import Rejection
from genspark.steps.transform.functions import FUNCTIONS, Function, Stage
from genspark.steps.transform.lambdas import Lambdas


@dataclass(config=STEP_CONFIG)
class Transform(ColumnStep):
    """Replace x by a function of it that bends long tails; the columns become Float64.

    log (natural; x > 0), log1p, which is log(1 + x) (x > -1), sqrt (x >= 0) and cbrt, the cube root
    (all x), learn nothing, so nothing is scanned. box-cox (x > 0) is (x^lambda - 1) / lambda, and log(x)
    for lambda 0. yeo-johnson (all x) is the box-cox of 1 + x where x >= 0, and of 1 - x with 2 - lambda
    and the other sign where x < 0. Each column has its own lambda, of the greatest likelihood that the
    result is normal, as in scikit-learn's PowerTransformer, to 1e-3. It is found in one scan and, where
    it lies outside [-2, 4] or the likelihood is sharp, a second. A lambda that would leave too few digits
    to tell the values apart is not taken; a constant or all-null column has lambda 1.

    Missing stays missing and becomes null; infinities stay. A value outside the domain is dealt with as
    `invalid` says: error stops the job, naming the column, the value and the edge of the domain; null
    erases the value; drop and quarantine take the row out. What is outside enters no lambda.

    Inverse: exp, expm1, square, cube and the inverse powers, exact up to rounding. A value that box-cox and
    yeo-johnson never give, beyond -1 / lambda, becomes null; one that was rounded to it, 0 or infinity.

    Source: G. Box, D. Cox, "An Analysis of Transformations", 1964; I. Yeo, R. Johnson, "A new family of
    power transformations to improve normality or symmetry", 2000.
    """

    function: Literal["log", "log1p", "sqrt", "cbrt", "box-cox", "yeo-johnson"] = Field(description="What to apply.")
    invalid: Literal["error", "null", "drop", "quarantine"] = Field(
        default="error", description="What becomes of a value outside the function's domain."
    )

    kind: ClassVar[str] = "transform"

    @property
    def filters(self) -> bool:
        return self.invalid in ("drop", "quarantine") and self._function.edge is not None

    def learner(self) -> Learner | None:
        if self.function not in ("box-cox", "yeo-johnson"):
            return None
        edge = self._function.edge if self.invalid == "error" else None
        return Lambdas(self.columns, self.function, self.told_as, edge)

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if self.invalid == "null" or self._function.edge is None:
            return []
        bounds, rule = (self._function.edge, None), f"{self.function} domain"
        return [
            Rejection(c, rule, self._function.rejects(number(c)), number(c), bounds, self.invalid) for c in self.columns
        ]

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        rejects = self._function.rejects
        # Outside the domain the engines differ (null, NaN, -inf), so no engine is asked there.
        inside = None if self._function.edge is None else lambda x: ~rejects(x)
        return self._staged(frame, self.columns, self._function.forward, parameters, inside)

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return self._staged(frame, present(frame, self.columns), self._function.backward, parameters)

    def losses(self, parameters: Parameters) -> Sequence[str]:
        if self.invalid == "error" or self._function.edge is None:
            return []
        return [f"{self.told_as}: values of {c!r} outside the domain of {self.function} are gone" for c in self.columns]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        if self.invalid != "null" or self._function.edge is None:
            return {}
        rejects = self._function.rejects
        return {f"{self.function} domain": [rejects(number(c)) for c in self.columns]}

    @property
    def _function(self) -> Function:
        return FUNCTIONS[self.function]

    def _staged(
        self,
        frame: Any,
        columns: Sequence[str],
        stages: Sequence[Stage],
        parameters: Parameters,
        inside: Callable[[nw.Expr], nw.Expr] | None = None,
    ) -> Any:
        """The frame with the columns after all stages, each a projection of its own; null where not `inside`."""
        before: dict[str, nw.Expr] = {column: number(column) for column in columns}
        hidden = {column: f"{HIDDEN}{self.told_as}_{column}" for column in columns}
        powers = {column: float(parameters.get("lambdas", {}).get(column, 1.0)) for column in columns}
        for stage in stages[:-1]:
            frame = changed(frame, (stage(number(c), before[c], powers[c]).alias(hidden[c]) for c in columns))
            before = {column: nw.col(name) for column, name in hidden.items()}
        last = {column: stages[-1](number(column), before[column], powers[column]) for column in columns}
        kept = {c: nw.when(inside(number(c))).then(after) if inside else after for c, after in last.items()}
        frame = changed(frame, (after.alias(column) for column, after in kept.items()))
        return frame.drop(list(hidden.values()), strict=False) if len(stages) > 1 else frame
