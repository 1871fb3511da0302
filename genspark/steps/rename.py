"""Give columns other names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import is_hidden
from genspark.columns.names import RULES, why_not_a_name
from genspark.errors import SchemaError, did_you_mean
from genspark.statistics import Derivation, State, Statistic
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Learner, Parameters


@dataclass(config=STEP_CONFIG)
class Rename(Step):
    """Rename columns: those in `columns` as given there, and all others by `rule`, where there is one.

    snake_case makes `Trip Distance (km)` and `tripDistanceKm` trip_distance_km, lower makes capitals small,
    and strip takes blanks off both ends. Two columns of one name are refused. The inverse gives the old names back.
    """

    columns: dict[str, Annotated[str, Field(min_length=1)]] = Field(default={}, description="Old name -> new name.")
    rule: Literal["snake_case", "lower", "strip"] | None = Field(
        default=None, description="What makes the new names of columns that are not in `columns`."
    )

    kind: ClassVar[str] = "rename"

    @model_validator(mode="after")
    def _renames(self) -> Self:
        if not self.columns and self.rule is None:
            raise ValueError("needs columns, such as {'trip distance': trip_distance}, or a rule, such as snake_case")
        return self

    def bind(self, schema: Schema) -> Self:
        absent = [column for column in self.columns if column not in schema]
        if absent:
            raise SchemaError([f"columns: {c!r} is not a column{did_you_mean(c, schema)}" for c in absent])
        by_rule = RULES[self.rule] if self.rule else str
        names = {column: self.columns.get(column, by_rule(column)) for column in schema}
        problems = [*_impossible(names, self.rule), *_twins(names, "give one of them another name in columns")]
        if problems:
            raise SchemaError([f"columns: {problem}" for problem in problems])
        # What the rule makes of these columns: a model renames none that it was not fitted with.
        return replace(self, columns={old: new for old, new in names.items() if old != new} or self.columns)

    def reads(self) -> frozenset[str]:
        return frozenset(self.columns)

    def writes(self) -> frozenset[str]:
        return frozenset([*self.columns, *self.columns.values()])

    def made_from(self, column: str) -> frozenset[str]:
        return frozenset([{new: old for old, new in self.columns.items()}.get(column, column)])

    def output_schema(self, schema: Schema) -> Schema:
        return {self.columns.get(column, column): dtype for column, dtype in schema.items()}

    def learner(self) -> Learner:
        return SameColumns({new: old for old, new in self.columns.items()})

    def transform(self, frame: Any, parameters: Parameters) -> Any:
        return _renamed(frame, self.columns)

    def inverse(self, frame: Any, parameters: Parameters) -> Any:
        return _renamed(frame, {new: old for old, new in self.columns.items()})


@plain_dataclass(frozen=True)
class SameColumns(Learner):
    """Learns nothing; answers for statistics by the columns' former names (new name -> old name)."""

    old: Mapping[str, str]

    def parameters(self, states: Mapping[Statistic, State], schema: Schema) -> Parameters:
        return {}

    def rewrite(self, wanted: Statistic) -> Derivation | None:
        before = wanted.on([self.old.get(c, c) for c in wanted.columns], [self.old.get(c, c) for c in wanted.by])
        return Derivation((before,), lambda states, _: states[0], "the same column under another name")


def _renamed(frame: Any, names: Mapping[str, str]) -> Any:
    """Rename those of the frame's columns that are keys, all at once. Raises SchemaError for equal names."""
    after = {column: names.get(column, column) for column in frame.collect_schema().names()}
    if problems := _twins(after, "drop one of them before"):
        raise SchemaError(problems)
    return frame.select(*(nw.col(old).alias(new) for old, new in after.items()))


def _impossible(names: Mapping[str, str], rule: str | None) -> list[str]:
    """The mistakes of the new names (old name -> new name), each by itself."""
    problems = []
    for old, new in names.items():
        if new == old:
            continue
        if not new:
            problems.append(f"the rule {rule} leaves nothing of {old!r}; give it a name in columns")
        elif why_not_a_name(new) or is_hidden(new):
            problems.append(f"{new!r}, for {old!r}, means something else to an engine; give it another name")
    return problems


def _twins(names: Mapping[str, str], remedy: str) -> list[str]:
    """The mistakes of columns that would get the same name as an earlier one."""
    first: dict[str, str] = {}
    return [
        f"{first[new]!r} and {old!r} would both be {new!r}; {remedy}"
        for old, new in names.items()
        if new and first.setdefault(new, old) != old
    ]
