"""A job as one YAML file: source, steps and sink. All mistakes in it are reported together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    create_model,
)
from pydantic_core import CoreSchema, core_schema

from genspark.config.beside import Card, Ledger, Lineage, ModelFile, Tracking
from genspark.config.document import Document
from genspark.config.evaluation import Evaluate
from genspark.config.section import SECTION, Names, Value
from genspark.config.sections import Quarantine, Sink, Source
from genspark.config.trust import Audit, Drift, Privacy
from genspark.errors import Place, Problem, brief, did_you_mean, show
from genspark.pipeline.pipeline import Pipeline
from genspark.pipeline.private import Private
from genspark.sources.source import paths_of
from genspark.steps import Step
from genspark.storage.access import Access
from genspark.storage.files import storage_path

LEDGER_SUFFIX, QUARANTINE_SUFFIX = "_runs", "_quarantine"
"""What is added to a table's path, or its name in a catalog, for those of its ledger and its quarantine."""


_BESIDE = ("card", "lineage", "tracking", "ledger", "evaluate", "audit", "storage")
_READING = ("split_size", "stage")
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


class JobConfig(Document):
    """One job: read the source, fit the steps, transform, and write the sink.

    The kinds of step are those registered when this class was made; after registering others, call
    `JobConfig.model_rebuild(force=True)`.
    """

    needs: ClassVar[str] = "a job needs name, source and sink"

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
    tracking: Tracking | None = None
    ledger: Ledger | None = None
    evaluate: Evaluate | None = None
    drift: Drift | None = None
    audit: Audit | None = None
    privacy: Privacy | None = None
    storage: Access = Access()

    @classmethod
    def problems_of(cls, data: Mapping[str, Any]) -> list[Problem]:
        return [*_twins(data), *_exact_beside_noise(data), *_own_source(data)]

    @property
    def config_hash(self) -> str:
        """The sha256 that names this job in reports and commits; spelt-out defaults do not change it.

        The order of keys does: the order of a split's fractions decides which row goes where. How stores are reached
        does not, so that new credentials make no other job, nor how the table is evaluated. What describes a run
        counts, such as `card` and `audit`, for it tells what a report holds; it makes no other run: see `work_hash`.
        """
        return _digest({name: value for name, value in self.plain().items() if name not in ("storage", "evaluate")})

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
        return self.quarantine.path if self.quarantine else f"{self.sink.path.rstrip('/')}{QUARANTINE_SUFFIX}"

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

    def at(self, place: str) -> Self:
        """The job with its table at a place, which its name in a catalog stands for."""
        return self.model_copy(update={"sink": self.sink.model_copy(update={"path": place, "location": None})})

    def pipeline(self) -> Pipeline:
        """The steps, unfitted."""
        profile = (self.drift.columns or ("*",)) if self.drift else ()
        section = self.privacy
        private = Private(section.epsilon, section.bounds, section.values) if section else None
        return Pipeline(self.steps, key=self.key, fit_on=self.fit_on, profile=profile, private=private)


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, separators=(",", ":")).encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a job's YAML, for editors that complete and check it.

    A file with a section `evaluate` needs neither source nor sink: see `Evaluation`.
    """
    schema = JobConfig.model_json_schema()
    of_job = [name for name in schema["required"] if name != "name"]
    either = {"required": ["name"], "anyOf": [{"required": of_job}, {"required": ["evaluate"]}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, **either, "title": "genspark job"}


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


def _exact_beside_noise(data: Mapping[str, Any]) -> list[Problem]:
    """The mistakes of sections that keep exact statistics in a job whose section `privacy` allows none."""
    if not data.get("privacy"):
        return []
    problems = []
    if data.get("drift") is not None:
        problems.append(Problem(("drift",), "keeps the exact profile of columns; leave it out, or leave privacy out"))
    if data.get("refit") == "update":
        what = "'update' keeps the exact statistics of each file, which privacy does not allow; set never or full"
        problems.append(Problem(("refit",), what))
    return problems


def _own_source(data: Mapping[str, Any]) -> list[Problem]:
    """The mistake of a job that writes its table over what it reads, so that another run would read its own rows.

    A version that is named stays as it is, and so does what is read.
    """
    source, sink = data.get("source"), data.get("sink")
    if not isinstance(source, Mapping) or not isinstance(sink, Mapping) or sink.get("mode") != "overwrite":
        return []
    if source.get("version") is not None or source.get("timestamp") is not None:
        return []
    given = source.get("path")
    paths = [path for path in (given if isinstance(given, list) else [given]) if isinstance(path, str)]
    read = [storage_path(path).rstrip("/") for path in paths]
    if not isinstance(sink.get("path"), str) or storage_path(sink["path"]).rstrip("/") not in read:
        return []
    what = "is what the source reads, and would be written over: another run reads what this one wrote; name another"
    return [Problem(("sink", "path"), what)]


def _step_names(steps: Any) -> Iterator[tuple[Place, str]]:
    for position, step in enumerate(steps if isinstance(steps, list) else ()):
        for kind, fields in step.items() if isinstance(step, dict) else ():
            if isinstance(fields, dict) and isinstance(fields.get("name"), str):
                yield ("steps", position, kind, "name"), fields["name"]
