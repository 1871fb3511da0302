"""The sections of a job's YAML about trust: how rows moved, how groups of them fare, what a fit may tell of one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from genspark.config.section import Count, Names, Path, Section, Value
from genspark.pipeline.limits import Limits, Measure, is_bound

Index = Annotated[float, Field(gt=0)]
MODEL = "model"
Bound = Annotated[float, Field(ge=0)]


def _of_stability(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"stability": value} if is_number else value


Bounds = Annotated[
    dict[Measure, Bound], BeforeValidator(_of_stability, json_schema_input_type=Index | dict[Measure, Bound])
]
"""Bounds of measures; a number is one of the stability index."""


class Drift(Section):
    """The rows that these are held against before they are written, column by column, as both were read."""

    place: ClassVar[str] = "drift"

    against: Path = Field(
        default=MODEL,
        description="What the rows are held against: model, the job's own of the run before; a model's JSON file; or "
        "a table, whose model tells where it keeps a profile, and which is read where it has no model.",
    )
    warn: Bounds = Field(
        default={},
        description="Above what a column is told: a number, of the population stability index (0.1), or bounds by "
        "measure: stability, jensen_shannon, ks, missing (the change of the missing share), unknown (the share of "
        "values that were not there before).",
    )
    stop: Bounds = Field(
        default={}, description="Above what the run ends before it writes, given likewise; left out, it goes on."
    )
    columns: Names = Field(default=(), description="Columns of the source, or patterns; left out: all that can be.")
    schema_: Literal["warn", "stop", "ignore"] = Field(
        default="warn",
        alias="schema",
        description="Columns that were added, removed, or changed their type: warn tells them, stop ends the run "
        "before it writes.",
    )

    @model_validator(mode="after")
    def _stops_beyond_the_warning(self) -> Self:
        for name, bounds in (("warn", self.warn), ("stop", self.stop)):
            if not all(is_bound(measure, bound) for measure, bound in bounds.items()):
                raise ValueError(f"{name}: a stability index must be above 0")
        for stop, warn in self.limits().backward():
            raise ValueError(f"stop: {stop} is below warn, {warn}; a run would stop without a warning")
        return self

    def limits(self) -> Limits:
        """What judges the columns."""
        return Limits(dict(self.warn.items()), dict(self.stop.items()), self.schema_)


class Audit(Section):
    """Groups of rows whose shares and outcomes are told once the table is written, and how well persons hide in it."""

    place: ClassVar[str] = "audit"

    groups: Names = Field(default=(), description="The columns of the table that make the groups.")
    label: str | None = Field(default=None, min_length=1, description="The column with the outcome that is true.")
    prediction: str | None = Field(default=None, min_length=1, description="The column with a model's outcome.")
    positive: str | None = Field(
        default=None, description="The outcome that is counted, as text; left out: 1 or true, where there are two."
    )
    reference: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={},
        description="Group -> the share that it should have; values of several joined by ' / ', null as (missing).",
    )
    floor: Count = Field(default=30, description="Groups of fewer rows are counted, and have no rates.")
    quasi: Names = Field(
        default=(), description="The columns that others may know of a person: k-anonymity is measured by them."
    )
    sensitive: str | None = Field(
        default=None, min_length=1, description="The column that nobody shall learn of a person: l and t are of it."
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.groups and not self.quasi:
            raise ValueError(
                "groups: name columns that make groups, or in quasi those that others may know; there is none"
            )
        for name in ("label", "prediction", "positive", "reference"):
            if getattr(self, name) and not self.groups:
                raise ValueError(f"{name}: is told by groups; name their columns in groups")
        if self.sensitive is not None and not self.quasi:
            raise ValueError("sensitive: is measured within classes; name in quasi what others may know")
        if self.sensitive in self.quasi:
            raise ValueError(f"sensitive: {self.sensitive!r} is in quasi, too; name it in one place")
        return self


class Privacy(Section):
    """Differential privacy of what the fit learns: noise on every statistic, and an account of what that spends."""

    place: ClassVar[str] = "privacy"

    epsilon: Index = Field(description="What one fit may tell of a row, all that it learns together.")
    budget: Index = Field(
        description="What all fits and releases of this table may spend together; the first of them sets it."
    )
    bounds: dict[str, tuple[float, float]] = Field(
        default={}, description="Column of numbers -> between what its values lie as they are read; not from the data."
    )
    values: dict[str, Annotated[tuple[Value, ...], Field(min_length=1)]] = Field(
        default={}, description="Any other column -> the values that it may have; not from the data."
    )

    @model_validator(mode="after")
    def _bounds_hold_numbers(self) -> Self:
        for column, (low, high) in self.bounds.items():
            if not low < high:
                raise ValueError(f"bounds: {column} is between {low:g} and {high:g}; write the lower first")
            if column in self.values:
                raise ValueError(f"values: {column} has bounds already; leave one of them out")
        if self.epsilon > self.budget:
            raise ValueError(f"epsilon: {self.epsilon:g} is more than the budget of {self.budget:g}")
        return self
