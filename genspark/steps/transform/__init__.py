"""Bend a long tail: logarithm, roots, and the powers that make a column most nearly normal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, cast

import narwhals as nw
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.expressions import HIDDEN, number
from genspark.errors import DataError
from genspark.statistics import Powers, State, Statistic
from genspark.statistics.likelihood import best_lambda
from genspark.steps.base import STEP_CONFIG, ColumnStep, Parameters, Rejection, Schema, changed, present
from genspark.steps.transform.functions import FUNCTIONS, Function, Stage


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

    @property
    def rounds(self) -> int:
        return 1 if self._is_learnt else 0

    def statistics(self) -> Sequence[Statistic]:
        return [self._statistic(column) for column in self.columns] if self._is_learnt else []

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        if not self._is_learnt:
            return {}
        if self.invalid == "error":
            for column in self.columns:
                self._check(column, states[self._statistic(column)])
        wanted = {column: self._statistic(column) for column in self.columns}
        found = {column: best_lambda(statistic, states[statistic]) for column, statistic in wanted.items()}
        search = {c: [best.refinement.start, best.refinement.stop] for c, best in found.items() if best.refinement}
        lambdas = {"lambdas": {column: best.power for column, best in found.items()}}
        return {**lambdas, "search": search} if search else lambdas

    def refinement(self, parameters: Parameters) -> Sequence[Statistic]:
        search = parameters.get("search", {})
        return [replace(self._statistic(column), start=start, stop=stop) for column, (start, stop) in search.items()]

    def refined(self, parameters: Parameters, states: Mapping[Statistic, State]) -> Parameters:
        better = {s.column: best_lambda(s, state).power for s, state in states.items() if isinstance(s, Powers)}
        return {"lambdas": {**parameters["lambdas"], **better}}

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
        return [f"{self.label}: values of {c!r} outside the domain of {self.function} are gone" for c in self.columns]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        if self.invalid != "null" or self._function.edge is None:
            return {}
        rejects = self._function.rejects
        return {f"{self.function} domain": [rejects(number(c)) for c in self.columns]}

    @property
    def _function(self) -> Function:
        return FUNCTIONS[self.function]

    @property
    def _is_learnt(self) -> bool:
        return self.function in ("box-cox", "yeo-johnson")

    def _statistic(self, column: str) -> Powers:
        return Powers((column,), cast("Literal['box-cox', 'yeo-johnson']", self.function))

    def _check(self, column: str, state: State) -> None:
        """Raise DataError where a value is outside the domain."""
        if self._function.edge is None or not (state["outside"] or state["negative_infinities"]):
            return
        value = -math.inf if state["negative_infinities"] else state["lowest"]
        raise DataError(
            f"{self.label}: column {column!r} has the value {value}, outside the {self.function} domain, which begins "
            f"above {self._function.edge:g}; clean it before, or set the step's rule for such values"
        )

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
        hidden = {column: f"{HIDDEN}{self.label}_{column}" for column in columns}
        powers = {column: float(parameters.get("lambdas", {}).get(column, 1.0)) for column in columns}
        for stage in stages[:-1]:
            frame = changed(frame, (stage(number(c), before[c], powers[c]).alias(hidden[c]) for c in columns))
            before = {column: nw.col(name) for column, name in hidden.items()}
        last = {column: stages[-1](number(column), before[column], powers[column]) for column in columns}
        kept = {c: nw.when(inside(number(c))).then(after) if inside else after for c, after in last.items()}
        frame = changed(frame, (after.alias(column) for column, after in kept.items()))
        return frame.drop(list(hidden.values()), strict=False) if len(stages) > 1 else frame
