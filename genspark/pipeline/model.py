"""A fitted pipeline: one JSON document that transforms and inverts frames on any engine."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import is_hidden
from genspark.columns.hashing import Drawn
from genspark.engines import engine_for
from genspark.engines.eager.arrays import arrays_of, frame_of
from genspark.engines.engine import Engine
from genspark.errors import ModelError, SchemaError, did_you_mean
from genspark.pipeline.diff import ModelDiff, diff
from genspark.pipeline.passes import Before, apply_steps, columns_read, draws_of, without
from genspark.pipeline.personal import kept_in_clear, personal_anywhere
from genspark.statistics import State, Statistic
from genspark.statistics import from_json as statistic_from_json
from genspark.steps.base import Step
from genspark.steps.base import from_json as step_from_json
from genspark.steps.learner import Parameters
from genspark.storage.files import read_text, write_text
from genspark.version import VERSION

FORMAT = 1


@dataclass(frozen=True)
class PipelineModel:
    """Steps, the parameters of each, and the states that these were learnt from.

    `input_schema` maps the columns the model was fitted on to the names of their types. `states`
    are what the scans read: (statistic, number of the step whose input it was read of, state).
    `source` tells what the model was fitted on, and in which version; `privacy` with how much noise, where it was.
    """

    steps: tuple[Step, ...]
    parameters: tuple[Parameters, ...]
    key: tuple[str, ...]
    input_schema: Mapping[str, str]
    states: tuple[tuple[Statistic, int, State], ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict)
    privacy: Mapping[str, Any] | None = None
    _built: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        # What engines built for this process does not travel.
        return {**self.__dict__, "_built": {}}

    def transform(self, frame: Any) -> Any:
        """The frame after every step: rows that a step drops or quarantines are gone.

        Takes a Spark, pandas, Polars or PyArrow frame, or a dict of NumPy arrays, and returns the same
        kind. Columns that the model does not know pass through. Raises SchemaError where a column it
        needs is absent, and DataError where a step's rule for its input says so.
        """
        if isinstance(frame, Mapping):
            return arrays_of(self.transform(frame_of(frame)))
        engine, wrapped = engine_for(frame)
        return engine.run(wrapped, self._transformed, self._built)

    def _transformed(self, engine: Engine, frame: Any) -> Any:
        self.check(frame.collect_schema())
        frame = engine.with_draws(frame, self.key, self.draws())
        return without_hidden(self.apply(engine, frame, engine.before))

    def inverse_transform(self, frame: Any) -> Any:
        """The frame on the original scale, such as samples that a generative model made.

        Takes and returns what `transform` does. Columns that are absent are passed over, columns
        that the steps added are taken away; `losses` tells what cannot be brought back.
        """
        if isinstance(frame, Mapping):
            return arrays_of(self.inverse_transform(frame_of(frame)))
        engine, wrapped = engine_for(frame)
        for step, parameters in reversed(list(zip(self.steps, self.parameters, strict=True))):
            kernels = step.inverse_kernels(parameters, frozenset(wrapped.collect_schema().names()))
            wrapped = engine.with_kernels(wrapped, kernels) if kernels else wrapped
            wrapped = without(step.inverse(wrapped, parameters), kernels)
        return nw.to_native(wrapped)

    @property
    def schema(self) -> Schema:
        """The columns that the model was fitted on, with their types: Unknown where a name alone does not make one."""
        return {name: getattr(nw, dtype, nw.Unknown)() for name, dtype in self.input_schema.items()}

    def losses(self) -> list[str]:
        """Sentences that name what `inverse_transform` cannot bring back, in the order of the steps."""
        pairs = zip(self.steps, self.parameters, strict=True)
        return [loss for step, parameters in pairs for loss in step.losses(parameters)]

    def findings(self) -> list[str]:
        """Sentences of what the fit found and whoever runs it should know, in the order of the steps."""
        pairs = zip(self.steps, self.parameters, strict=True)
        told, noise = self.privacy, []
        if told:
            noise = [f"privacy: what was learnt has noise, epsilon {told['epsilon']:g} for {told['neighbours']}"]
        told_of_steps = [found for step, parameters in pairs for found in step.findings(parameters)]
        return [*noise, *kept_in_clear(self.steps, self.parameters, self.states), *told_of_steps]

    def diff(self, other: PipelineModel) -> ModelDiff:
        """The differences from this model to the other: columns, steps, and every parameter that is not the same."""
        return diff(self, other)

    def apply(self, engine: Engine, frame: Any, before: Before) -> Any:
        """Apply every step to a narwhals frame that already has its draws."""
        frame = engine.without_nan(frame, columns_read(self.steps))
        return apply_steps(
            engine, frame, zip(self.steps, self.parameters, strict=True), before, personal_anywhere(self.steps)
        )

    def draws(self) -> list[Drawn]:
        """The random numbers that the steps need."""
        return draws_of(self.steps)

    def check(self, schema: Schema) -> None:
        """Raise SchemaError, naming every column that the steps or the draws need and is absent.

        A column that is hashed must also hold the kind of values it held at fitting: 1 and 1.0 hash
        to different numbers, and a row would silently get another draw.
        """
        hashed = dict.fromkeys(column for draw in self.draws() for column in draw.over or self.key)
        needed = dict(hashed)
        made: set[str] = set()
        for step in self.steps:
            needed.update(dict.fromkeys(c for c in step.reads() if c not in made))
            made |= step.writes()
        absent = [column for column in needed if column not in schema]
        if absent:
            raise SchemaError([f"the model needs column {c!r}{did_you_mean(c, schema)}" for c in absent])
        before = {column: self.input_schema.get(column, "") for column in hashed}
        changed = [c for c in hashed if _hashed_apart(before[c], str(schema[c]))]
        if changed:
            raise SchemaError(
                [
                    f"column {c!r} was {before[c]} when the model was fitted and is {schema[c]} here, so its values "
                    "would hash to other numbers; cast it first (pandas makes nulls floats: astype('Int64'))"
                    for c in changed
                ]
            )

    def to_json(self) -> dict[str, Any]:
        """The whole model as plain JSON, with the sha256 of all the rest."""
        body = {
            "format": FORMAT,
            "genspark": VERSION,
            "source": dict(self.source),
            "key": list(self.key),
            "input_schema": dict(self.input_schema),
            "steps": [step.to_json() for step in self.steps],
            "parameters": [dict(parameters) for parameters in self.parameters],
            "states": [{"statistic": s.to_json(), "at": at, "state": state} for s, at, state in self.states],
            **({"privacy": dict(self.privacy)} if self.privacy else {}),
        }
        return {**body, "sha256": _digest(body)}

    @property
    def sha256(self) -> str:
        """The digest that names this model in table commits."""
        return str(self.to_json()["sha256"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as JSON to a local path or a URI, whole or not at all."""
        write_text(os.fspath(path), json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str = "model") -> PipelineModel:
        """The model that `to_json` wrote. Raises ModelError for another format or a changed document."""
        body = {name: item for name, item in value.items() if name != "sha256"}
        if body.get("format") != FORMAT:
            raise ModelError(
                f"{where}: its format is {body.get('format')!r} and this genspark reads {FORMAT}; "
                "fit again, or use the genspark that wrote it"
            )
        if _digest(body) != value.get("sha256"):
            raise ModelError(f"{where}: its sha256 does not match its content: the file was changed or cut short")
        return cls(
            steps=tuple(step_from_json(step) for step in body["steps"]),
            parameters=tuple(body["parameters"]),
            key=tuple(body["key"]),
            input_schema=body["input_schema"],
            states=tuple((statistic_from_json(s["statistic"]), s["at"], s["state"]) for s in body["states"]),
            source=body["source"],
            privacy=body.get("privacy"),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PipelineModel:
        """The model saved at a local path or a URI. Raises ModelError where there is none to read."""
        path = os.fspath(path)
        try:
            value = json.loads(read_text(path))
        except FileNotFoundError:
            raise ModelError(f"{path}: there is no model here; fit one first, or correct the path") from None
        except (ValueError, OSError) as error:
            raise ModelError(f"{path}: not a model that can be read ({error})") from None
        if not isinstance(value, dict):
            raise ModelError(f"{path}: not a genspark model, which is a JSON object")
        return cls.from_json(value, where=path)


def is_file_of_model(path: str) -> bool:
    """Whether what is named is a model's file, and no table."""
    return path.endswith(".json")


def without_hidden(frame: Any) -> Any:
    """The frame without the columns that engines added."""
    hidden = [name for name in frame.collect_schema().names() if is_hidden(name)]
    return frame.drop(hidden) if hidden else frame


# What hashing.py takes values for. Of other dtypes, such as pandas objects, only the values tell.
_HASHED_AS = {
    **dict.fromkeys(("Int", "UInt", "Boolean"), "integer"),
    **dict.fromkeys(("String", "Categorical", "Enum", "Binary"), "bytes"),
    **{name: name for name in ("Float", "Date", "Datetime")},
}


def _hashed_apart(before: str, now: str) -> bool:
    """Whether the same value hashes to different numbers under two dtypes, given by name."""
    kinds = [_HASHED_AS.get(re.split(r"[^A-Za-z]", name)[0]) for name in (before, now)]
    return None not in kinds and kinds[0] != kinds[1]


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()
