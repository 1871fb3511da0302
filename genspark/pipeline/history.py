"""The history of each column that a model makes: which columns it is made from, and what each step did to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genspark.columns.dtypes import Schema
from genspark.pipeline.describe import short
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.personal import discreet, personal_before
from genspark.steps.base import Step
from genspark.steps.learner import Parameters


@dataclass(frozen=True)
class History:
    """A column of a model's result.

    `made_from` are the columns of the source that its values are computed from, `drawn_from` those whose hash is
    behind random numbers in it, and `changes` has a sentence for each step that made or changed it, with what the
    step learnt of it, `***` where the column tells of persons; none where it is as it was read.
    """

    made_from: tuple[str, ...]
    drawn_from: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


def histories(model: PipelineModel, schema: Schema) -> dict[str, History]:
    """The history of every column of the result, in its order, for a source of this schema."""
    known = {column: History((column,)) for column in schema}
    for step, parameters in _shown(model):
        schema = step.output_schema(schema)
        known = {column: _after(column, step, parameters, known, model.key) for column in schema}
    return known


def result_schema(model: PipelineModel, schema: Schema) -> Schema:
    """The columns of the result for a source of this schema."""
    for step in model.steps:
        schema = step.output_schema(schema)
    return schema


def judged(model: PipelineModel, schema: Schema) -> tuple[str, ...]:
    """The columns of the source by which steps take rows out, sorted."""
    known = {column: History((column,)) for column in schema}
    found: set[str] = set()
    for step, parameters in zip(model.steps, model.parameters, strict=True):
        if step.filters:
            found.update(source for column in step.reads() for source in known[column].made_from)
        schema = step.output_schema(schema)
        known = {column: _after(column, step, parameters, known, model.key) for column in schema}
    return tuple(sorted(found))


def _shown(model: PipelineModel) -> Iterator[tuple[Step, Parameters]]:
    """The steps with what they learnt, `***` in the place of what tells of persons."""
    for step, parameters, known in zip(model.steps, model.parameters, personal_before(model.steps), strict=False):
        yield step, discreet(step, parameters, known)


def _after(
    column: str, step: Step, parameters: Parameters, known: Mapping[str, History], key: Sequence[str]
) -> History:
    """The history of a column after a step, from the histories before it."""
    sources = sorted(step.made_from(column))
    before = known.get(column) or (known[sources[0]] if len(sources) == 1 else History(()))
    is_changed = column in step.writes()
    if not is_changed and not (step.filters and column in step.reads()):
        return before
    made_from = {source for name in sources for source in known[name].made_from}
    drawn_from = {source for name in sources for source in known[name].drawn_from}
    if is_changed:
        drawn_from.update(column for draw in step.draws() if draw.over is None for column in key)
    sentence = _sentence(column, step, parameters)
    if not is_changed:
        sentence += "; rows were taken out by it"
    return History(tuple(sorted(made_from)), tuple(sorted(drawn_from)), (*before.changes, sentence))


def _sentence(column: str, step: Step, parameters: Parameters) -> str:
    """A step's kind and arguments, and what it learnt of the column: `impute strategy=median; values 2.5`."""
    ((kind, fields),) = step.to_json().items()
    named = kind if step.told_as == kind else f"{step.told_as} ({kind})"
    arguments = [_argument(name, value, column) for name, value in fields.items() if _tells(name, value)]
    learnt = [
        f"{name} {short(group[column])}"
        for name, group in parameters.items()
        if isinstance(group, Mapping) and column in group
    ]
    return "; ".join([" ".join([named, *arguments]), *learnt])


def _tells(name: str, value: Any) -> bool:
    """Whether an argument says more than which columns the step is for."""
    return name != "name" and (name != "columns" or isinstance(value, Mapping))


def _argument(name: str, value: Any, column: str) -> str:
    if name != "columns":
        return f"{name}={short(value)}"
    # Of a rename's or a cast's, the part for this column.
    return ", ".join(f"{old} to {new}" for old, new in value.items() if column in (old, new))
