"""Hold all rows together to bounds and claims: shares, means and counts of columns; that values are unique, or rise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_category, is_number, is_plain
from genspark.errors import DataError, SchemaError, did_you_mean
from genspark.statistics import Extremes, Frequencies, Moments, Ordered, Repeats, State, Statistic
from genspark.statistics.moments import deviation, mean
from genspark.statistics.ordered import breaks
from genspark.statistics.repeats import distinct
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.bounds import Bounds, outside
from genspark.steps.checked import Checked
from genspark.steps.learner import Learner, Parameters
from genspark.steps.matching import By, Columns, bind_each, match
from genspark.storage.secrets import MASK

COUNTED = ("rows", "null_share")
OF_NUMBERS = ("mean", "deviation", "least", "most")
MEASURES = (*COUNTED, *OF_NUMBERS, "distinct")
CLAIMS = ("unique", "monotone")


@dataclass(config=STEP_CONFIG)
class Monotone(metaclass=Checked):
    """An order of rows, and how values go along it. Files have no order that all engines keep, so a column gives it."""

    along: str = Field(description="The column whose values order the rows: numbers, dates or timestamps.")
    within: By = Field(default=(), description="Columns whose values name series, each with an order of its own.")
    direction: Literal["rising", "falling"] = Field(default="rising", description="How the values go.")
    strictly: bool = Field(default=False, description="true: no two places have the same value.")

    def check(self, schema: Schema) -> None:
        """Raise SchemaError where rows of this schema have no such order."""
        problems = [
            f"monotone.{place}: {name!r} is not a column{did_you_mean(name, schema)}"
            for place, names in (("along", (self.along,)), ("within", self.within))
            for name in names
            if name not in schema
        ]
        if not problems and not is_ordered(schema[self.along]):
            problems = [f"monotone.along: {self.along!r} is {schema[self.along]}, and an order needs {_ORDERED}"]
        others = [name for name in self.within if name in schema and not is_category(schema[name])]
        problems += [f"monotone.within: {name!r} is {schema[name]}, and a series is a name" for name in others]
        if problems:
            raise SchemaError(problems)

    @property
    def words(self) -> str:
        """What is claimed of a column."""
        within = f" within {', '.join(map(repr, self.within))}" if self.within else ""
        return f"{'strictly ' * self.strictly}{self.direction} along {self.along!r}{within}"


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
    unique: Literal[True, "together"] | None = Field(
        default=None,
        description="true: no two rows share a value of a column; together: of all columns at once. Null shares none.",
    )
    monotone: Monotone | None = Field(default=None, description="Values never fall, or never rise, along a column.")
    level: Literal["warn", "error"] = Field(
        default="error", description="What is done where a measure is out of bounds: warn tells it, error ends the job."
    )

    @model_validator(mode="after")
    def _has_a_measure(self) -> Self:
        if not self.measures and not self.unique and not self.monotone:
            raise ValueError(f"needs at least one of {', '.join((*MEASURES, *CLAIMS))}; there is none")
        return self

    @property
    def measures(self) -> dict[str, Bounds]:
        """The measures that are bounded, with their bounds."""
        return {name: getattr(self, name) for name in MEASURES if getattr(self, name) is not None}

    def bind(self, schema: Schema) -> Self:
        """The bounds with their patterns of columns resolved. Raises SchemaError with every mistake."""
        bound = replace(self, columns=match(self.columns, schema, *self._wanted))
        if self.monotone is not None:
            self.monotone.check(schema)
        return bound

    def reads(self) -> frozenset[str]:
        """The columns that it looks at."""
        ordering = (self.monotone.along, *self.monotone.within) if self.monotone else ()
        return frozenset([*self.columns, *ordering])

    @property
    def _wanted(self) -> tuple[Callable[[Any], bool], str]:
        """The types of columns that it can be asked of, and what they are called."""
        of_numbers = [name for name in self.measures if name in OF_NUMBERS]
        if of_numbers:
            return is_number, f"numbers, for {', '.join(of_numbers)}"
        if self.monotone is not None:
            return is_ordered, _ORDERED
        return (is_plain, _PLAIN) if self.measures else (_is_told_apart, f"{_PLAIN}, dates or timestamps")


_PLAIN = "numbers, text or booleans"
_ORDERED = "numbers, dates or timestamps"


def is_ordered(dtype: Any) -> bool:
    """Whether a dtype holds values that rise along a line."""
    is_decimal = isinstance(dtype, nw.Decimal)
    return (is_number(dtype) and not is_decimal) or isinstance(dtype, nw.Date | nw.Datetime)


def _is_told_apart(dtype: Any) -> bool:
    return is_plain(dtype) or is_ordered(dtype)


@plain_dataclass(frozen=True)
class Measuring(Learner):
    """Measures the columns, and holds what it finds to the bounds."""

    rules: tuple[Expected, ...]
    label: str
    personal: frozenset[str] = frozenset()

    def discreet(self, columns: frozenset[str]) -> Self:
        return replace(self, personal=columns)

    def statistics(self) -> Sequence[Statistic]:
        measures = [_statistic(rule, column, name) for rule, column, name in self._measured]
        return [*measures, *(statistic for rule in self.rules for statistic in _claimed(rule))]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        found = list(self._broken(states))
        stops = [told for level, told in found if level == "error"]
        if stops:
            error = DataError(f"{self.label}: {'; '.join(stops)}; look at the source, or give other bounds")
            error.findings = [f"{self.label}: {told}" for level, told in found if level == "warn"]
            raise error
        return {"broken": [told for _, told in found]}

    def _broken(self, states: Mapping[Statistic, State]) -> Iterator[tuple[str, str]]:
        for rule, column, name in self._measured:
            value, is_more = measured(name, states[_statistic(rule, column, name)])
            shown = MASK if name in OF_NUMBERS and column in self.personal else None
            words = outside(value, rule.measures[name], is_more=is_more, shown=shown)
            if words:
                yield rule.level, f"{name} of {column!r} is {words}"
        for rule in self.rules:
            for statistic in _claimed(rule):
                words = _refuted(rule, statistic, states[statistic])
                if words:
                    yield rule.level, words

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


def _claimed(rule: Expected) -> Iterator[Repeats | Ordered]:
    """The statistics that tell whether what a rule claims is so."""
    if rule.unique == "together":
        yield Repeats(rule.columns)
    elif rule.unique:
        yield from (Repeats((column,)) for column in rule.columns)
    if rule.monotone is not None:
        for column in rule.columns:
            yield Ordered((column, rule.monotone.along, *rule.monotone.within))


def _refuted(rule: Expected, statistic: Repeats | Ordered, state: State) -> str:
    """What is said of a claim that is not so; nothing where it is."""
    if isinstance(statistic, Repeats):
        names = ", ".join(map(repr, statistic.columns))
        repeated = state["count"] - distinct(state)
        told = f"{names} {'are' if len(statistic.columns) > 1 else 'is'} not unique: {repeated:,} of {state['count']:,}"
        return f"{told} rows have what another row has" if repeated else ""
    order = rule.monotone
    assert order is not None
    broken = breaks(state, is_falling=order.direction == "falling", is_strict=order.strictly)
    several = "s" * (broken > 1)
    return f"{statistic.column!r} is not {order.words}: {broken:,} break{several} of the order" if broken else ""


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
    without values has no mean, deviation, least and most: that is out of bounds too. unique and monotone are claims
    that hold or do not; both are exact, and hold 8 and 24 bytes a row in memory. Only a fit measures: rows that are
    added to a table by the model it has are not held to these bounds.
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
        return frozenset().union(*(rule.reads() for rule in self.rules))

    def made_from(self, column: str) -> frozenset[str]:
        return frozenset([column])

    def learner(self) -> Measuring:
        return Measuring(self.rules, self.told_as)

    def findings(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: {told}" for told in parameters["broken"]]
