"""A job as one YAML file: source, steps and sink. All mistakes in it are reported together."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    create_model,
)
from pydantic_core import CoreSchema, core_schema

from genspark.config.overrides import override
from genspark.config.section import SECTION, Names, Section, Value
from genspark.config.sections import Card, Ledger, Lineage, ModelFile, Quarantine, Sink, Source
from genspark.config.text import dump, parse
from genspark.config.variables import substitute
from genspark.errors import ConfigError, Place, Problem, brief, did_you_mean, show
from genspark.pipeline.pipeline import Pipeline
from genspark.sources.source import paths_of
from genspark.steps import Step
from genspark.steps.arguments import takes_text_alone, translate
from genspark.steps.checked import plain
from genspark.storage.access import Access
from genspark.storage.files import read_text

LEDGER_SUFFIX = "_runs"
"""What is added to a table's path for that of its ledger."""


_BESIDE, _READING = ("card", "lineage", "ledger", "storage"), ("split_size", "stage")
"""Keys of a job and of its source that make no other run."""


class _OneKey:
    """Reads a step as `{kind: {field: value}}`, for every kind that is registered when the model's class is made."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {kind: _keyed(kind, step, handler) for kind, step in Step.registry.items()}
        either = core_schema.tagged_union_schema(choices, discriminator=lambda step: next(iter(step)))
        return core_schema.no_info_before_validator_function(
            _one_key,
            either,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda step: step.to_json()),
        )


def _keyed(kind: str, step: type[Step], handler: GetCoreSchemaHandler) -> CoreSchema:
    first_paragraph = " ".join((step.__doc__ or "").split("\n\n")[0].split())
    # By an alias: pydantic has methods of its own that some kinds are called as.
    field: Any = (step, Field(alias=kind, description=first_paragraph))
    section: Any = create_model(f"{step.__name__}Step", __config__=SECTION, __doc__=first_paragraph, step=field)
    return core_schema.no_info_after_validator_function(lambda one: one.step, handler.generate_schema(section))


def _one_key(value: Any) -> Any:
    """The step as a mapping of one known kind. Raises ValueError, beginning with the key at fault."""
    if isinstance(value, Step):
        return {value.kind: value}
    if not isinstance(value, dict) or not value:
        raise ValueError(f"must be a step, such as 'impute: {{columns: [fare]}}'; got {brief(value)}")
    kind, *others = value
    if others:
        known = [key for key in value if key in Step.registry]
        remedy = "give each step a '-' of its own" if len(known) > 1 else f"indent the rest further than {kind!r}"
        raise ValueError(f"must be one key, the kind of step, with its fields below it; got {list(value)}; {remedy}")
    if kind not in Step.registry:
        raise ValueError(f"{kind}: {kind!r} is not a step{did_you_mean(kind, Step.registry)}")
    # `- name:` with nothing below it is a step with no fields.
    return {kind: {}} if value[kind] is None else value


class JobConfig(Section):
    """One job: read the source, fit the steps, transform, and write the sink.

    The kinds of step are those registered when this class was made; after registering others, call
    `JobConfig.model_rebuild(force=True)`.
    """

    name: str = Field(min_length=1, description="What reports and commits call this job.")
    engine: Literal["auto", "polars", "spark", "spark-polars"] = Field(
        default="auto", description="What runs the scans and writes."
    )
    source: Source
    key: Names = Field(
        default=(), description="The columns that identify a row; left out: every column that holds plain values."
    )
    fit_on: dict[str, Value] = Field(
        default={}, description="Column -> value: learn from these rows alone, such as {split: train}."
    )
    refit: Literal["never", "update", "full"] = Field(
        default="never",
        description="Where new shards are appended: keep the model, update it by their statistics first, or fit anew "
        "on all shards and write the whole table.",
    )
    steps: tuple[Annotated[Step, _OneKey()], ...] = Field(default=(), description="What is done to the rows, in order.")
    sink: Sink
    quarantine: Quarantine | None = None
    model: ModelFile | None = None
    card: Card | None = None
    lineage: Lineage | None = None
    ledger: Ledger | None = None
    storage: Access = Access()

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """The job that plain values describe. Raises ConfigError with every mistake, as `from_text` does."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise ConfigError([str(problem) for problem in translate(error, plain(obj), json_schema())]) from None

    @classmethod
    def from_yaml(cls, path: str, sets: Sequence[str] = (), env: Mapping[str, str] | None = None) -> JobConfig:
        """The job that a YAML file describes; see `from_text`.

        Raises ConfigError where the file is absent, a folder, not UTF-8 or not to be read, too.
        """
        try:
            text = read_text(path)
        except FileNotFoundError:
            raise ConfigError("there is no such file; correct the path", where=path) from None
        except IsADirectoryError:
            raise ConfigError("this is a folder; name the YAML file in it", where=path) from None
        except UnicodeDecodeError as error:
            problem = f"not UTF-8 text: byte 0x{error.object[error.start]:02x} at {error.start}; save it as UTF-8"
            raise ConfigError(problem, where=path) from None
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot be read: {error}", where=path) from None
        return cls.from_text(text, where=path, sets=sets, env=env)

    @classmethod
    def from_text(
        cls, text: str, where: str = "config", *, sets: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> JobConfig:
        """The job that a YAML text describes, with `path=value` overrides and `${VAR}` put in.

        `env` holds the variables; None is the environment of this process. Raises ConfigError with
        every mistake: `place: what is wrong; remedy`. A text that is not YAML is one mistake alone.
        """
        data, problems = parse(text, where)
        if not isinstance(data, dict):
            what = "is empty" if data is None else f"is not a mapping of keys: got {brief(data)}"
            raise ConfigError(f"{what}; a job needs name, source and sink", where=where)
        data, misplaced = override(data, sets)
        schema = functools.cache(json_schema)
        variables = os.environ if env is None else env
        data, unset = substitute(data, variables, lambda place: takes_text_alone(schema(), place))
        problems += [*misplaced, *unset, *_twins(data)]
        try:
            config = super().model_validate(data)
        except ValidationError as error:
            known = {problem.place for problem in unset}
            problems += [p for p in translate(error, data, schema()) if p.place not in known]
        if problems:
            raise ConfigError([str(problem) for problem in problems], where=where)
        return config

    def to_yaml(self) -> str:
        """YAML that `from_text` reads back as an equal job, under any environment; defaults are left out."""
        return dump(self.plain())

    @property
    def config_hash(self) -> str:
        """The sha256 that names this job in reports and commits; spelt-out defaults do not change it.

        The order of keys does: the order of a split's fractions decides which row goes where. How stores are reached
        does not, so that new credentials make no other job.
        """
        return _digest({name: value for name, value in self.plain().items() if name != "storage"})

    @property
    def work_hash(self) -> str:
        """The sha256 of what decides what a run leaves behind: the table, the quarantine and the model.

        Not of what describes or records the run, nor of how its source is read.
        """
        counted = {name: value for name, value in self.plain().items() if name not in _BESIDE}
        of_source = {name: value for name, value in counted["source"].items() if name not in _READING}
        return _digest({**counted, "source": of_source})

    @property
    def quarantine_path(self) -> str:
        """The path of the quarantine: `quarantine.path`, or by default a table beside the sink's."""
        return self.quarantine.path if self.quarantine else f"{self.sink.path.rstrip('/')}_quarantine"

    @property
    def model_path(self) -> str:
        """The path of the fitted model: `model.path`, or by default hidden in the sink's folder."""
        return self.model.path if self.model else f"{self.sink.path.rstrip('/')}/_genspark/model.json"

    @property
    def ledger_path(self) -> str:
        """The path of the table of runs: `ledger.path`, or by default a table beside the sink's."""
        return self.ledger.path if self.ledger else f"{self.sink.path.rstrip('/')}{LEDGER_SUFFIX}"

    @property
    def statistics_path(self) -> str:
        """The path of the table of each file's statistics: `model.statistics`, or by default beside the model."""
        path = self.model.statistics if self.model else None
        return path or f"{self.model_path.removesuffix('.json')}_statistics"

    @property
    def tables(self) -> list[str]:
        """The paths of what rows are read from and written to: the source's, the sink's and the quarantine's."""
        return [*paths_of(self.source), self.sink.path, self.quarantine_path]

    def pipeline(self) -> Pipeline:
        """The steps, unfitted."""
        return Pipeline(self.steps, key=self.key, fit_on=self.fit_on)

    def plain(self) -> dict[str, Any]:
        """The job as plain values, by the keys of its YAML; defaults are left out."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, separators=(",", ":")).encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a job's YAML, for editors that complete and check it."""
    schema = JobConfig.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "genspark job"}


def _twins(data: Mapping[str, Any]) -> list[Problem]:
    """The mistakes of steps that share their name with an earlier one, which a report could not tell apart."""
    first: dict[str, Place] = {}
    problems = []
    for place, name in _step_names(data.get("steps")):
        if name in first:
            what = f"{name!r} is already the name of {show(first[name][:2])}; give it another"
            problems.append(Problem(place, what))
        first.setdefault(name, place)
    return problems


def _step_names(steps: Any) -> Iterator[tuple[Place, str]]:
    for position, step in enumerate(steps if isinstance(steps, list) else ()):
        for kind, fields in step.items() if isinstance(step, dict) else ():
            if isinstance(fields, dict) and isinstance(fields.get("name"), str):
                yield ("steps", position, kind, "name"), fields["name"]
