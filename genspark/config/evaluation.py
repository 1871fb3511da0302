"""The section `evaluate`: what is scored against what, and the YAML file that may hold nothing but it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from genspark.config.document import Document
from genspark.config.section import Names, Path, Section, Value
from genspark.config.sections import Source
from genspark.config.text import parse
from genspark.errors import ConfigError
from genspark.storage.access import Access

SCORES_SUFFIX = "_scores"
"""What is added to a table's path for that of its scores."""


class Side(Source):
    """Rows to be scored: a source, of which `where` may choose some."""

    where: dict[str, Value] = Field(default={}, description="Column -> value: these rows alone, such as {split: test}.")


def _as_side(value: Any) -> Any:
    """The path of a table as a section."""
    return {"path": value, "format": "delta"} if isinstance(value, str) else value


Rows = Annotated[Side, BeforeValidator(_as_side, json_schema_input_type=str | Side)]
"""A side, or the path of a Delta table."""

Asked = str | dict[str, dict[str, Any] | None]
"""A score's name, or one key, the name, with its parameters below it."""


class Evaluate(Section):
    """Scores of what a model generated, against real rows."""

    place: ClassVar[str] = "evaluate"

    real: Rows | None = Field(
        default=None, description="The real rows: a table's path, or a source. Left out in a job: the job's table."
    )
    generated: Rows = Field(description="The rows that a model generated: a table's path, or a source.")
    extractor: str | dict[str, dict[str, Any] | None] | None = Field(
        default=None, description="What makes a vector of each row, as one key with its fields, such as {pixels: {}}."
    )
    features: Path | None = Field(
        default=None, description="A folder where the vectors of both sides are kept as tables and used again."
    )
    on_fault: Literal["error", "skip"] = Field(
        default="error", description="What to do with rows without a vector, such as images that do not decode."
    )
    by: Names = Field(default=(), description="Columns by whose values the scores are taken again, slice by slice.")
    interval: bool | None = Field(
        default=None, description="Intervals of all scores that leave a choice: false saves time; left out: their own."
    )
    scores: Annotated[tuple[Asked, ...], Field(min_length=1)] = Field(
        description="The scores: names, or a name with its parameters below it."
    )
    ledger: Path | None = Field(
        default=None, description="The table that the scores are added to; left out: none is written."
    )
    mlflow: str | None = Field(
        default=None, min_length=1, description="An MLflow experiment that the scores are logged to, too."
    )


class Evaluation(Document):
    """An evaluation: a file of its own, or the section of a job's file."""

    needs: ClassVar[str] = "an evaluation needs name and evaluate"

    name: str = Field(min_length=1, description="What the table of scores calls this evaluation.")
    engine: Literal["auto", "polars", "spark"] = Field(default="auto", description="What reads the rows.")
    evaluate: Evaluate
    storage: Access = Access()

    @classmethod
    def from_text(
        cls, text: str, where: str = "config", *, sets: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Self:
        """The evaluation that a YAML text describes, or the section `evaluate` of a job; see `Document.from_text`."""
        data, _ = parse(text, where)
        if not (isinstance(data, dict) and {"source", "sink"} & set(data)):
            return super().from_text(text, where, sets=sets, env=env)
        from genspark.config.job import JobConfig

        return cls.of_job(JobConfig.from_text(text, where, sets=sets, env=env), where)

    @classmethod
    def of_job(cls, job: Any, where: str = "config") -> Self:
        """The evaluation in a job, whose table is what is real where nothing else is named. Raises ConfigError."""
        if job.evaluate is None:
            raise ConfigError("evaluate: needed and absent; say what is generated, and which scores", where=where)
        section = job.evaluate
        if section.real is None:
            table = Side(path=job.sink.path, format=job.sink.format)
            section = section.model_copy(update={"real": table})
        engine = "spark" if job.engine.startswith("spark") else job.engine
        return cls(name=job.name, engine=engine, evaluate=section, storage=job.storage)
