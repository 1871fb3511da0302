"""Judge texts by the published rules of C4 and Gopher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self, cast

import narwhals as nw
from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from genspark.columns.dtypes import Schema, is_text
from genspark.columns.expressions import HIDDEN, any_of
from genspark.columns.kernels import Kernel
from genspark.errors import did_you_mean
from genspark.steps.base import STEP_CONFIG, Step
from genspark.steps.bounds import Bounds, Range
from genspark.steps.learner import Parameters
from genspark.steps.matching import Columns, as_tuple, match
from genspark.steps.quality.rules import PUBLISHED, Family, measuring
from genspark.steps.rejection import Action, Rejection


@dataclass(config=STEP_CONFIG)
class Quality(Step):
    """Take out texts that break a published rule of C4 or Gopher; each rule bounds a measure of the text.

    gopher: words (50 to 100,000 that are no bare punctuation), mean_word_length (3 to 10), hashes_per_word and
    ellipses_per_word (to 0.1), bullet_lines (to 0.9), ellipsis_lines (to 0.3), alphabetic_words (from 0.8), stop_words
    (from 2 of the, be, to, of, and, that, have, with: English). gopher_repetition: duplicate_lines and
    duplicate_paragraphs (to 0.3), their characters (duplicate_line_characters and so on, to 0.2), top_2_gram, then 3
    and 4 (to 0.2, 0.18, 0.16 of the characters), duplicate_5_grams to duplicate_10_grams (to 0.15, down to 0.1).
    c4: sentences (from 5, in the lines that C4 keeps), lorem_ipsum and curly_brackets (none).

    Words are what stands between whitespace. The text stays as it is; normalize with lines: c4 drops the lines that C4
    drops. Each broken rule is a reason in the quarantine, with the measure and the bound, and warn only counts it. Null
    breaks no rule, and nothing is learnt. Sources: Raffel et al., 2020; Rae et al., 2021.
    """

    columns: Columns
    rules: Annotated[tuple[Family, ...], BeforeValidator(as_tuple), Field(min_length=1)] = Field(
        default=("gopher", "gopher_repetition", "c4"), description="The families of rules."
    )
    bounds: Mapping[str, Bounds | None] = Field(
        default_factory=dict,
        description="Other bounds, [least, most], for rules by their names; null leaves a rule out.",
        examples=[{"words": [1, None], "stop_words": None}],
    )
    action: Literal["warn", "drop", "quarantine"] = Field(
        default="quarantine", description="What is done with a text that breaks a rule."
    )

    kind: ClassVar[str] = "quality"

    @model_validator(mode="after")
    def _bounds_are_of_rules(self) -> Self:
        for name in self.bounds:
            if name not in PUBLISHED:
                raise ValueError(f"bounds: {name!r} is no rule{did_you_mean(name, PUBLISHED)}")
            if PUBLISHED[name].family not in self.rules:
                raise ValueError(f"bounds: {name!r} is a rule of {PUBLISHED[name].family}, which rules leaves out")
        if not self._bounds:
            raise ValueError("bounds: leave no rule to judge by")
        return self

    @property
    def filters(self) -> bool:
        return self.action != "warn"

    def bind(self, schema: Schema) -> Self:
        return replace(self, columns=match(self.columns, schema, is_text, "text"))

    def reads(self) -> frozenset[str]:
        return frozenset(self.columns)

    def made_from(self, column: str) -> frozenset[str]:
        return frozenset([column])

    def kernels(self, parameters: Parameters) -> Sequence[Kernel]:
        rules = tuple(self._bounds)
        return [
            measuring(column, rules, [_named(at, rule) for rule in rules]) for at, column in enumerate(self.columns)
        ]

    def rejections(self, parameters: Parameters) -> Sequence[Rejection]:
        if self.action == "warn":
            return []
        action = cast("Action", self.action)
        return [
            Rejection(
                column, rule, _outside(nw.col(_named(at, rule)), bounds), nw.col(_named(at, rule)), bounds, action
            )
            for at, column in enumerate(self.columns)
            for rule, bounds in self._bounds.items()
        ]

    def counts(self, parameters: Parameters) -> Mapping[str, Sequence[nw.Expr]]:
        if self.action != "warn":
            return {}
        places = range(len(self.columns))
        return {
            rule: [_outside(nw.col(_named(at, rule)), bounds) for at in places] for rule, bounds in self._bounds.items()
        }

    def losses(self, parameters: Parameters) -> Sequence[str]:
        return [f"{self.told_as}: rows that are taken out stay out ({c!r})" for c in self.columns if self.filters]

    @property
    def _bounds(self) -> dict[str, Range]:
        """The rules that are held to, with their bounds."""
        found: dict[str, Range] = {}
        for name, rule in PUBLISHED.items():
            bounds = self.bounds.get(name, rule.bounds)
            if rule.family in self.rules and bounds is not None:
                found[name] = bounds
        return found


def _named(at: int, rule: str) -> str:
    return f"{HIDDEN}quality_{at}_{rule}"


def _outside(value: nw.Expr, bounds: Range) -> nw.Expr:
    low, high = bounds
    sides = [value < low] * (low is not None) + [value > high] * (high is not None)
    return any_of(sides)
