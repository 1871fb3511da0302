"""Hold all rows together to bounds: shares, means, extremes and counts of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_number, is_plain
from genspark.errors import DataError
from genspark.statistics import Extremes, Frequencies, Moments, State, Statistic
from genspark.statistics.moments import deviation, mean
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.bounds import Bounds, outside
from genspark.steps.checked import Checked
from genspark.steps.learner import Learner, Parameters
from genspark.steps.matching import Columns, bind_each, match

COUNTED = ("rows", "null_share")
OF_NUMBERS = ("mean", "deviation", "least", "most")
MEASURES = (*COUNTED, *OF_NUMBERS, "distinct")


@dataclass(config=STEP_CONFIG)
class Expected(metaclass=Checked):
    """Bounds of some measures of each of `columns`: [least, most], both allowed, null for no bound."""

    columns: Columns
    rows: Bounds | None = Field(default=None, description="The number of rows.")
    null_share: Bounds | None = Field(default=None, description="The share of the rows in which the value is missing.")
    mean: Bounds | None = Field(default=None, description="Numbers: the mean of the finite values.")
    deviation: Bounds | None = Field(default=None, description="Numbers: their population standard deviation.")
    least: Bounds | None = Field(default=None, description="Numbers: the smallest finite value.")
    most: Bounds | None = Field(default=None, description="Numbers: the largest finite value.")
    distinct: Bounds | None = Field(
        default=None,
        description="The number of distinct values; of more than 10,000 it is only known that they are more.",
    )
    level: Literal["warn", "error"] = Field(
        default="error", description="What is done where a measure is out of bounds: warn tells it, error ends the job."
    )

    @model_validator(mode="after")
    def _has_a_measure(self) -> Self:
        if not self.measures:
            raise ValueError(f"needs at least one of {', '.join(MEASURES)}; there is none")
        return self

    @property
    def measures(self) -> dict[str, Bounds]:
        """The measures that are bounded, with their bounds."""
        return {name: getattr(self, name) for name in MEASURES if getattr(self, name) is not None}

    def bind(self, schema: Schema) -> Self:
        """The bounds with their patterns of columns resolved. Raises SchemaError with every mistake."""
        of_numbers = [name for name in self.measures if name in OF_NUMBERS]
        wanted, what = (is_number, f"numbers, for {', '.join(of_numbers)}") if of_numbers else (is_plain, _PLAIN)
        return replace(self, columns=match(self.columns, schema, wanted, what))


_PLAIN = "numbers, text or booleans"


@plain_dataclass(frozen=True)
class Measuring(Learner):
    """Measures the columns, and holds what it finds to the bounds."""

    rules: tuple[Expected, ...]
    label: str

    def statistics(self) -> Sequence[Statistic]:
        return [_statistic(rule, column, name) for rule, column, name in self._measured]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        found = list(self._broken(states))
        stops = [told for level, told in found if level == "error"]
        if stops:
            raise DataError(f"{self.label}: {'; '.join(stops)}; look at the source, or give other bounds")
        return {"broken": [told for _, told in found]}

    def _broken(self, states: Mapping[Statistic, State]) -> Iterator[tuple[str, str]]:
        for rule, column, name in self._measured:
            value, is_more = measured(name, states[_statistic(rule, column, name)])
            words = outside(value, rule.measures[name], is_more=is_more)
            if words:
                yield rule.level, f"{name} of {column!r} is {words}"

    @property
    def _measured(self) -> list[tuple[Expected, str, str]]:
        return [(rule, column, name) for rule in self.rules for column in rule.columns for name in rule.measures]


def _statistic(rule: Expected, column: str, measure: str) -> Statistic:
    if measure == "distinct":
        return Frequencies((column,))
    if measure in ("least", "most"):
        return Extremes((column,))
    # Rows and missing values are counted by any statistic: of numbers by that of their mean, which costs least.
    return Moments((column,)) if set(rule.measures) & set(OF_NUMBERS) else Frequencies((column,), capacity=1)


def measured(name: str, state: State) -> tuple[float | None, bool]:
    """The value of a measure, None where there are no values to measure, and whether the truth is more than it."""
    if name == "distinct":
        return len(state["values"]), bool(state["error"])
    if name in COUNTED:
        there = state["total"] if "total" in state else state["count"] + sum(state[name] for name in _INFINITIES)
        rows = there + state["missing"]
        return (rows if name == "rows" else state["missing"] / rows if rows else None), False
    if name in ("least", "most"):
        return state["min" if name == "least" else "max"], False
    return (mean if name == "mean" else deviation)(state), False


_INFINITIES = ("positive_infinities", "negative_infinities")


@dataclass(config=STEP_CONFIG)
class Expect(Step):
    """Hold measures of columns, over all rows that come to the step, to bounds; it changes nothing.

    The measures are statistics that join the scans of the fit, so most jobs scan no more for them: put the step after
    steps that take rows out, and it sees the rows that later steps learn from. A measure that is out of bounds ends the
    job before anything is written (level error), or is told in the report and kept in the model (warn). A column
    without values has no mean, deviation, least and most: that is out of bounds too. Only a fit measures: rows that
    are added to a table by the model it has are not held to these bounds.
    """

    rules: tuple[Expected, ...] = Field(
        min_length=1,
        description="The bounds.",
        examples=[[{"columns": "x", "null_share": [0, 0.5], "level": "warn"}]],
    )

    kind: ClassVar[str] = "expect"

    def bind(self, schema: Schema) -> Self:
        return replace(self, rules=bind_each(self.rules, schema, "rules"))

    def reads(self) -> frozenset[str]:
        return frozenset(column for rule in self.rules for column in rule.columns)

    def made_from(self, column: str) -> frozenset[str]:
        return frozenset([column])

    def learner(self) -> Measuring:
        return Measuring(self.rules, self.label)

    def findings(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.label}: {told}" for told in parameters["broken"]]
