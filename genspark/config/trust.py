"""The sections of a job's YAML about trust: how rows moved, how groups of them fare, what a fit may tell of one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from genspark.config.section import Count, Names, Path, Section, Value

Index = Annotated[float, Field(gt=0)]
MODEL = "model"


class Drift(Section):
    """The rows that these are held against before they are written, column by column, as both were read."""

    place: ClassVar[str] = "drift"

    against: Path = Field(
        default=MODEL,
        description="What the rows are held against: model, the job's own of the run before; a model's JSON file; or "
        "a table, whose model tells where it keeps a profile, and which is read where it has no model.",
    )
    warn: Index = Field(default=0.1, description="The population stability index above which a column is told.")
    stop: Index | None = Field(
        default=None, description="The index above which the run ends before it writes; left out, it goes on."
    )
    columns: Names = Field(default=(), description="Columns of the source, or patterns; left out: all that can be.")

    @model_validator(mode="after")
    def _stops_beyond_the_warning(self) -> Self:
        if self.stop is not None and self.stop < self.warn:
            raise ValueError(f"stop: {self.stop:g} is below warn, {self.warn:g}; a run would stop without a warning")
        return self


class Audit(Section):
    """The groups of rows whose shares and outcomes are told once the table is written."""

    place: ClassVar[str] = "audit"

    groups: Annotated[Names, Field(min_length=1)] = Field(description="The columns of the table that make the groups.")
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
