"""Scores by name, as a YAML file asks for them: every public function of `genspark.evaluate` that returns scores.

What a function takes, its signature tells: two frames, which are the real and the generated rows, or one, the generated
rows; and keyword parameters, of which those annotated `Any` are further rows. Nothing else has to be written for a new
score but its name among the public ones.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model

from genspark import evaluate
from genspark.config.evaluation import Rows, Side
from genspark.errors import Problem, did_you_mean
from genspark.evaluate.score import Score
from genspark.steps.arguments import translate
from genspark.steps.checked import plain
from genspark.steps.matching import as_tuple

_COLUMNS = frozenset({"column", "columns", "hypothesis", "references", "log_probabilities", "text", "target"})
_COLUMNS_OF_REVIEWS = frozenset({"unit", "reviewer", "rating"})


@dataclass(frozen=True)
class Metric:
    """A score's function, and what it takes.

    `sides` are the rows that it is given by position; `rows` the parameters that are rows, too; `takes_features` tells
    whether it reads vectors that an extractor makes.
    """

    name: str
    function: Callable[..., Any]
    sides: tuple[str, ...]
    rows: frozenset[str]
    takes_features: bool
    has_interval: bool
    parameters: type[BaseModel]

    def checked(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
        """The parameters that are given, as the function takes them, and the mistakes in them.

        Rows may be frames in Python, which pass as they are.
        """
        frames = {name: given[name] for name in self.rows & set(given) if _is_frame(given[name])}
        try:
            made = self.parameters.model_validate({**given, **dict.fromkeys(frames, "a frame")})
        except ValidationError as error:
            return {}, translate(error, plain(given), self.parameters.model_json_schema())
        found = {name: getattr(made, name) for name in made.model_fields_set}
        return {**found, **(made.model_extra or {}), **frames}, []

    def columns(self, parameters: Mapping[str, Any]) -> list[str]:
        """The columns that parameters name."""
        named = [parameters.get(name) for name in sorted(_COLUMNS | _COLUMNS_OF_REVIEWS)]
        return [column for one in named if one for column in ([one] if isinstance(one, str) else one)]

    def __call__(self, rows: Mapping[str, Any], **parameters: Any) -> list[Score]:
        """The scores of these rows, by the names of their sides."""
        made = self.function(*(rows[side] for side in self.sides), **parameters)
        return [made] if isinstance(made, Score) else list(made.values())


@functools.cache
def metric(name: str) -> Metric | None:
    """The score of this name; None where there is none."""
    if name not in evaluate.__all__:
        return None
    function = getattr(evaluate, name)
    if not inspect.isfunction(function):
        return None
    hints = typing.get_type_hints(function)
    if hints.get("return") not in (Score, Mapping[str, Score]):
        return None
    taken = inspect.signature(function).parameters.values()
    positional = [one for one in taken if one.kind is one.POSITIONAL_OR_KEYWORD]
    named = [one for one in taken if one.kind is one.KEYWORD_ONLY and one.name != "extractor"]
    takes_more = any(one.kind is one.VAR_KEYWORD for one in taken)
    fields: dict[str, Any] = {
        one.name: (_as_given(hints[one.name]), ... if one.default is one.empty else one.default) for one in named
    }
    names = {one.name for one in taken}
    return Metric(
        name,
        function,
        ("real", "generated") if len(positional) > 1 else ("generated",),
        frozenset(one.name for one in named if hints[one.name] is Any),
        "extractor" in names,
        "interval" in names,
        create_model(name, __config__=ConfigDict(extra="allow" if takes_more else "forbid"), **fields),
    )


def names() -> list[str]:
    """The names of all scores."""
    return [name for name in evaluate.__all__ if metric(name)]


def unknown(name: str) -> str:
    """What is wrong with a name that is none."""
    return f"{name!r} is no score{did_you_mean(name, names())}"


def _is_frame(value: Any) -> bool:
    return value is not None and not isinstance(value, str | Mapping | Side)


def _as_given(annotation: Any) -> Any:
    """The type of a parameter in YAML: rows are a side, and a name may stand alone for a list of names."""
    if annotation is Any:
        return Rows
    options = typing.get_args(annotation) or (annotation,)
    if Sequence[str] in (annotation, *options):
        return Annotated[annotation, BeforeValidator(as_tuple)]
    return annotation
