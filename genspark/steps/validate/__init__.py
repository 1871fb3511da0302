"""Hold rows to rules, and act on those that break one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Self

import narwhals as nw
from pydantic import Field
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.kernels import Kernel
from genspark.columns.patterns import matching
from genspark.errors import SchemaError
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.learner import Parameters
from genspark.steps.matching import bind_each
from genspark.steps.rejection import Counted, Rejection
from genspark.steps.validate.reference import LookingUp
from genspark.steps.validate.rules import Check, Rule


@dataclass(config=STEP_CONFIG)
class Validate(Step):
    """Hold every row to rules, all in one projection; each rule has a level.

    warn counts what breaks the rule, drop takes the row out, quarantine sends it to the quarantine table with a
    reason for each broken rule, error ends the job before the table is written. Where a row breaks rules of several
    levels, quarantine goes before drop. A rule is one check of some columns (not_null, between, one_of, none_of,
    matches, length, type, exists_in), or a predicate of the row (sql). Null breaks not_null alone: what is unknown
    breaks no other rule. The step changes no value, and nothing is scanned for it; the table of exists_in is read once,
    when the model is fitted, which keeps a 64-bit hash of each value, so that it judges the same wherever it is.
    What must be true of all rows together, such as that values are unique, is for the step expect; rows that repeat
    another's values are taken out by deduplicate.
    """

    rules: tuple[Rule, ...] = Field(
        min_length=1, description="What must be true of each row.", examples=[[{"columns": "x", "not_null": True}]]
    )

    kind: ClassVar[str] = "validate"

    @property
    def filters(self) -> bool:
        return any(rule.level in ("drop", "quarantine") for rule in self.rules)

    def bind(self, schema: Schema) -> Self:
        return replace(self, rules=bind_each(self.rules, schema, "rules"))

    def check_beside(self, schema: Schema) -> None:
        problems = [f"rules[{at}].{told}" for at, rule in enumerate(self.rules) for told in rule.absent(schema)]
        if problems:
            raise SchemaError(problems)

    def reads(self) -> frozenset[str]:
        return frozenset().union(*(rule.reads() for rule in self.rules))

    def made_from(self, column: str) -> frozenset[str]:
        return frozenset([column])

    def learner(self) -> LookingUp | None:
        wanted = [(rule.exists_in, column) for rule in self.rules if rule.exists_in for column in rule.columns or ()]
        return LookingUp(tuple(wanted)) if wanted else None

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        known = parameters.get("references", {})
        others = [kernel for at, rule in enumerate(self.rules) for kernel in rule.kernels(at, known)]
        return [*matching([pattern for check in self._checks for pattern in check.patterns]), *others]

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        return [
            Rejection(
                *(c.column, c.rule, c.is_broken, c.value, c.bounds, c.level),
                breach=f"which breaks the rule {c.rule!r}",
                is_apart=True,
            )
            for c in self._checks
            if c.level != "warn"
        ]

    def counts(self, parameters: Parameters) -> Mapping[str | Counted, Sequence[nw.Expr]]:
        warned: dict[str | Counted, list[nw.Expr]] = {}
        for check in self._checks:
            if check.level == "warn":
                warned.setdefault(Counted(check.rule, check.column, check.level), []).append(check.is_broken)
        return warned

    def losses(self, parameters: Parameters) -> Sequence[str]:
        judged = sorted({c for rule in self.rules if rule.level in ("drop", "quarantine") for c in rule.reads()})
        return [f"{self.told_as}: rows that are taken out stay out ({column!r})" for column in judged]

    @property
    def _checks(self) -> list[Check]:
        return [check for at, rule in enumerate(self.rules) for check in rule.checks(at)]
