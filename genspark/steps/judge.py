"""What engines ask of a step about rows: itself, or it in a form in which no message has a person's value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import narwhals as nw

from genspark.steps.base import Step
from genspark.steps.learner import Parameters
from genspark.steps.rejection import Rejection


class Judge(Protocol):
    """What a step does to rows before it transforms them, as far as engines ask: `Step` itself, or `Discreet`."""

    @property
    def told_as(self) -> str:
        """What reports call the step."""

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        """The rules that take rows of its input out."""

    def counts(self, parameters: Parameters) -> Mapping[Any, Sequence[nw.Expr]]:
        """Predicates over its input by their name in the report."""


@dataclass(frozen=True)
class Discreet:
    """A step whose rules on columns that tell of persons are private."""

    step: Step
    personal: Collection[str]

    @property
    def told_as(self) -> str:
        """What reports call the step."""
        return self.step.told_as

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        """The step's rules."""
        return [replace(rule, is_private=rule.column in self.personal) for rule in self.step.rejections(parameters)]

    def counts(self, parameters: Parameters) -> Mapping[Any, Sequence[nw.Expr]]:
        """The step's counts."""
        return self.step.counts(parameters)
