"""What a model keeps of its columns: the states by which other rows are held against those that it learnt from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema, is_number
from genspark.engines.engine import Engine
from genspark.errors import SchemaError
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.plan import Answer, Request, requests_of
from genspark.pipeline.planner import answers_at_end, solve
from genspark.statistics import Frequencies, Quantiles, State, Statistic
from genspark.statistics.quantiles import DEFAULT_RANK_ERROR
from genspark.steps.matching import match

KINDS = "numbers, texts or booleans"
FEW = 40
"""Names of a column up to which each is held by itself."""
MOST_ERROR = 0.01
"""The share of the rows by which counts of names may be off, at most."""
_KEEPS = "a section `drift` keeps them, but of personal data and of names that are nearly all different"


@dataclass(frozen=True)
class Profile:
    """A statistic and its state for each column that has one; `lacking` tells of the others why they have none.

    `columns` are all columns with the names of their types.
    """

    columns: Mapping[str, str]
    states: Mapping[str, tuple[Statistic, State]]
    lacking: Mapping[str, str] = field(default_factory=dict)


def profile_statistics(
    schema: Schema, columns: Sequence[str] = (), hidden: Collection[str] = ()
) -> tuple[Statistic, ...]:
    """The statistics that hold columns against others: quantiles of numbers, counts of names. Without columns: of all.

    Of `hidden` columns there are none. Raises SchemaError, naming every column or pattern that fails.
    """
    try:
        names = match(columns or ("*",), schema, _has_profile, KINDS)
    except SchemaError as error:
        raise SchemaError([f"drift.{problem}".replace("this step", "drift") for problem in error.problems]) from None
    named = [name for name in columns if name in hidden]
    if named:
        raise SchemaError(
            [
                f"drift.columns: {name!r} holds what a step takes for personal, of which nothing is kept; leave it out"
                for name in named
            ]
        )
    kept = [name for name in names if name not in hidden]
    return tuple(Quantiles((name,)) if is_number(schema[name]) else Frequencies((name,)) for name in kept)


def is_telling(statistic: Statistic, state: State) -> bool:
    """Whether a state of a profile tells of a distribution: not where nearly every row has a name of its own."""
    if not isinstance(statistic, Frequencies):
        return True
    return bool(len(state["values"]) <= max(FEW, state["total"] / 2) and state["error"] <= MOST_ERROR * state["total"])


def scanned_profile(schema: Schema, states: Mapping[Statistic, State]) -> Profile:
    """The profile of rows that were scanned for the statistics of `profile_statistics`."""
    lacking = {
        c: f"is {dtype}, of which no statistic is kept" for c, dtype in schema.items() if not _has_profile(dtype)
    }
    of = {statistic.column: (statistic, state) for statistic, state in states.items()}
    return Profile({c: str(dtype) for c, dtype in schema.items()}, of, lacking)


def profile_by_scan(engine: Engine, frame: Any, statistics: Sequence[Statistic]) -> Profile:
    """The profile of a narwhals frame by one scan for such statistics; by none where there is none of them."""
    states = engine.scan(frame.select([s.column for s in statistics]), statistics) if statistics else {}
    return scanned_profile(frame.collect_schema(), states)


def kept_profile(model: PipelineModel) -> Profile:
    """The profile of the rows that a model learnt from, as they were read, from its states."""
    read = {s.column: (s, state) for s, at, state in model.states if at == 0 and _is_of_profile(s)}
    lacking = {c: _why_not_kept(dtype) for c, dtype in model.input_schema.items() if c not in read}
    return Profile(model.input_schema, read, lacking)


def kept_profile_of_result(model: PipelineModel, columns: Mapping[str, str]) -> Profile:
    """The profile of what a model made of the rows that it learnt from, as far as that follows from its states.

    `columns` are those of a table that it made, with the names of their types.
    """
    known = {Request(statistic, at): state for statistic, at, state in model.states}
    errors = dict.fromkeys([DEFAULT_RANK_ERROR, *(s.rank_error for s, *_ in model.states if isinstance(s, Quantiles))])
    states: dict[str, tuple[Statistic, State]] = {}
    lacking = {}
    for column, dtype in columns.items():
        candidates = [*(Quantiles((column,), error) for error in errors if error), Frequencies((column,))]
        answers = dict(zip(candidates, answers_at_end(model.steps, candidates), strict=True))
        found = next((s for s in candidates if all(leaf in known for leaf in requests_of([answers[s]]))), None)
        if found is not None:
            states[column] = (found, solve([answers[found]], known, model.parameters.__getitem__)[found])
        else:
            lacking[column] = _why_not_derived(model, answers[candidates[0]], dtype)
    return Profile(columns, states, lacking)


def _why_not_derived(model: PipelineModel, answer: Answer, dtype: str) -> str:
    place = max(leaf.at for leaf in requests_of([answer]))
    if place == 0:
        return _why_not_kept(dtype)
    step = model.steps[place - 1]
    does = "takes rows out" if step.filters else "changes it"
    return f"step {place}, {step.told_as}, {does} as no kept state can follow; hold the table against the table"


def _why_not_kept(dtype: str) -> str:
    if not _has_profile(getattr(nw, dtype, nw.Unknown)()):
        return f"is {dtype}, of which no statistic is kept"
    return f"the model keeps no quantiles or counts of it; {_KEEPS}"


def _is_of_profile(statistic: Statistic) -> bool:
    if statistic.by or not isinstance(statistic, Quantiles | Frequencies):
        return False
    # Exact quantiles are values at some probabilities, and no distribution.
    return not isinstance(statistic, Quantiles) or statistic.rank_error > 0


def _has_profile(dtype: Any) -> bool:
    return is_number(dtype) or dtype in (nw.String, nw.Boolean)
