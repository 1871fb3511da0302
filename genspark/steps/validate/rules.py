"""Rules: each says what is true of a row, and what is done with rows of which it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_number, is_plain, is_text
from genspark.columns.expressions import HIDDEN, number
from genspark.columns.kernels import Kernel
from genspark.columns.re2 import refuse_broken
from genspark.columns.sql import Pattern, checked, predicate
from genspark.errors import SchemaError
from genspark.steps.base import STEP_CONFIG
from genspark.steps.bounds import Bounds, Range
from genspark.steps.checked import Checked
from genspark.steps.matching import Columns, match
from genspark.steps.rejection import Bound
from genspark.steps.validate.reference import Reference, looked_up, refused
from genspark.steps.validate.types import TypeName, typed

Level = Literal["warn", "drop", "quarantine", "error"]
Value = bool | int | float | str

OF_ALL_ROWS = {
    "unique": "the step expect holds all rows to it, and deduplicate takes out rows that repeat",
    "monotone": "the step expect holds all rows to it",
}
"""What is no rule for a row, and where it is."""


def _sound(pattern: str) -> str:
    refuse_broken(pattern)
    return pattern


@plain_dataclass(frozen=True)
class Check:
    """A rule on one column, or on the row where `column` is None, as expressions.

    `is_broken` is true for rows that break it. `value`, as Float64, and `bounds` are what it compares, if it does.
    """

    column: str | None
    rule: str
    level: Level
    is_broken: nw.Expr
    value: nw.Expr
    bounds: tuple[Bound, Bound]
    patterns: Sequence[Pattern] = ()


@dataclass(config=STEP_CONFIG)
class Rule(metaclass=Checked):
    """One thing that must be true of each row: a predicate, or a check of each of `columns`.

    Null passes all but `not_null`: what is unknown breaks no rule.
    """

    columns: Columns | None = Field(default=None, description="The columns that the check is for.")
    not_null: bool | None = Field(default=None, description="true: no value may be missing.")
    between: Bounds | None = Field(default=None, description="Numbers: [least, most], both allowed; null: no bound.")
    one_of: Annotated[tuple[Value, ...], Field(min_length=1)] | None = Field(
        default=None, description="The values that are allowed."
    )
    none_of: Annotated[tuple[Value, ...], Field(min_length=1)] | None = Field(
        default=None, description="Values that are not allowed."
    )
    matches: Annotated[str, AfterValidator(_sound)] | None = Field(
        default=None, description="Text: a regular expression of RE2, anywhere in it; ^ and $ for the whole."
    )
    length: Bounds | None = Field(default=None, description="Text: [least, most] characters.")
    type: TypeName | None = Field(
        default=None,
        description="Text: what it can be read as; dates and timestamps as ISO 8601 has them, integers of 64 bits.",
    )
    exists_in: Reference | None = Field(
        default=None, description="Whole numbers or text: values that a column of another table has."
    )
    sql: Annotated[str, AfterValidator(checked)] | None = Field(
        default=None, description="A predicate of the row, as in the step filter; false breaks it, null does not."
    )
    level: Level = Field(
        default="quarantine",
        description="warn counts rows that break the rule, drop and quarantine take them out, error ends the job.",
    )
    name: str | None = Field(default=None, description="What reports call the rule; made from the check when left out.")

    CHECKS: ClassVar[tuple[str, ...]] = (
        *("not_null", "between", "one_of", "none_of", "matches", "length", "type", "exists_in", "sql"),
    )

    @model_validator(mode="before")
    @classmethod
    def _is_of_a_row(cls, given: Any) -> Any:
        for name, remedy in OF_ALL_ROWS.items():
            if name in (given if isinstance(given, dict) else getattr(given, "kwargs", None) or {}):
                raise ValueError(f"{name}: no row breaks it alone; {remedy}")
        return given

    @model_validator(mode="after")
    def _is_one_check(self) -> Self:
        given = [name for name in self.CHECKS if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"got {' and '.join(given)}" if given else "there is none"
            raise ValueError(f"needs one of {', '.join(self.CHECKS)}; {found}")
        if self.not_null is False:
            raise ValueError("not_null: is true or left out")
        if (self.columns is None) != (self.sql is not None):
            raise ValueError("columns: go with every check but sql, which names its own")
        return self

    @property
    def label(self) -> str:
        """The name, or the check in words."""
        if self.name:
            return self.name
        if self.sql is not None:
            return self.sql
        what = next(name for name in self.CHECKS if getattr(self, name) is not None)
        value = getattr(self, what)
        words = what.replace("_", " ")
        if what == "not_null":
            return words
        if self.exists_in is not None:
            return f"{words} {self.exists_in.column} of {self.exists_in.table.rstrip('/').rpartition('/')[2]}"
        if what in ("between", "length"):
            low, high = ("" if bound is None else f"{bound:g}" for bound in value)
            return f"{words} {low} to {high}".replace("  ", " ").strip()
        return f"{words} {value!r}" if what in ("matches", "type") else f"{words} {len(value)} values"

    def bind(self, schema: Schema) -> Self:
        """The rule with its patterns of columns resolved. Raises SchemaError with every mistake."""
        if self.sql is not None:
            predicate(self.sql, schema)
            return self
        assert self.columns is not None
        wanted, what = self._wanted
        bound = replace(self, columns=match(self.columns, schema, wanted, what))
        assert bound.columns is not None
        values, check = (self.one_of, "one_of") if self.one_of else (self.none_of or (), "none_of")
        problems = [
            f"{check}: {column!r} is {schema[column]}, and {value!r} is no value of it"
            for column in bound.columns
            for value in values
            if not _may_be(value, schema[column])
        ]
        if self.exists_in is not None:
            found = [refused(column, schema[column]) for column in bound.columns]
            problems += [f"exists_in: {problem}" for problem in found if problem]
        if problems:
            raise SchemaError(problems)
        return bound

    def absent(self, schema: Schema) -> list[str]:
        """What is wrong with the other table of the bound rule, each with its place."""
        if self.exists_in is None:
            return []
        found = self.exists_in.check({column: schema[column] for column in self.columns or ()})
        return [f"exists_in: {problem}" for problem in found]

    @property
    def _wanted(self) -> tuple[Any, str]:
        if self.between is not None:
            return is_number, "numbers"
        if self.matches is not None or self.length is not None or self.type is not None:
            return is_text, "text"
        return (is_plain, "numbers, text or booleans") if self.not_null is None else ((lambda _: True), "any type")

    def reads(self) -> frozenset[str]:
        """The columns that it looks at."""
        return frozenset(self.columns or predicate(self.sql or "").columns)

    def checks(self, at: int) -> list[Check]:
        """The rule as expressions, a check for each column; `at` is its place among the step's rules."""
        prefix = f"validate_{at}"
        if self.sql is not None:
            found = predicate(self.sql, label=prefix)
            return [self._check(None, ~found.expression, patterns=found.patterns)]
        return [self._of_column(column, f"{prefix}_{place}") for place, column in enumerate(self.columns or ())]

    def kernels(self, at: int, known: Mapping[str, Mapping[str, str]]) -> list[Kernel]:
        """The kernels of the hidden columns that its checks read, but for patterns; `known` has the references."""
        hidden = [(column, f"{HIDDEN}validate_{at}_{place}") for place, column in enumerate(self.columns or ())]
        if self.type is not None:
            return [typed(column, self.type, output) for column, output in hidden]
        if self.exists_in is not None:
            return [looked_up(column, known[self.exists_in.key], output) for column, output in hidden]
        return []

    def _of_column(self, column: str, hidden: str) -> Check:
        value = nw.col(column)
        if self.not_null:
            return self._check(column, value.is_null())
        if self.between is not None:
            return self._within(column, number(column), self.between)
        if self.length is not None:
            return self._within(column, value.str.len_chars().cast(nw.Float64), self.length)
        if self.type is not None or self.exists_in is not None:
            return self._check(column, ~nw.col(f"{HIDDEN}{hidden}"))
        if self.matches is not None:
            pattern = Pattern(column, self.matches, False, f"{HIDDEN}{hidden}")
            return self._check(column, ~nw.col(pattern.output), patterns=[pattern])
        values = list(self.one_of or self.none_of or ())
        if any(isinstance(one, float) for one in values):
            value, values = number(column), [float(one) for one in values]
        is_in = value.is_in(values)
        return self._check(column, ~value.is_null() & (~is_in if self.one_of else is_in))

    def _within(self, column: str, value: nw.Expr, bounds: Range) -> Check:
        low, high = bounds
        sides = [value < low] * (low is not None) + [value > high] * (high is not None)
        return self._check(column, sides[0] if len(sides) == 1 else sides[0] | sides[1], value, bounds)

    def _check(
        self,
        column: str | None,
        is_broken: nw.Expr,
        value: nw.Expr | None = None,
        bounds: tuple[Bound, Bound] = (None, None),
        patterns: Sequence[Pattern] = (),
    ) -> Check:
        value = nw.lit(None).cast(nw.Float64) if value is None else value
        return Check(column, self.label, self.level, is_broken, value, bounds, patterns)


def _may_be(value: Value, dtype: Any) -> bool:
    """Whether a column of this type can have the value."""
    if isinstance(value, bool):
        return bool(dtype == nw.Boolean)
    return is_text(dtype) if isinstance(value, str) else is_number(dtype)
