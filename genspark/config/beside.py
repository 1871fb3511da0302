"""The sections of a job's YAML for what stands beside the table: what describes, follows and remembers its runs."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from genspark.config.section import Names, Path, Section


class Card(Section):
    """What only people know of the table, for the cards that describe it."""

    place: ClassVar[str] = "card"

    description: str | None = Field(default=None, min_length=1, description="What the rows are, in a sentence or more.")
    license: Names = Field(default=(), description="The licence's URL or SPDX name, such as CC-BY-4.0; or several.")
    creator: Names = Field(default=(), description="Who made the data: a name, or several.")
    url: str | None = Field(default=None, min_length=1, description="The page of the dataset.")
    citation: str | None = Field(default=None, min_length=1, description="How to cite it, best as BibTeX.")
    keywords: Names = Field(default=(), description="Words to find it by.")
    collection: str | None = Field(default=None, min_length=1, description="How, where and when it was collected.")
    use_cases: Names = Field(default=(), description="What it is meant for, and what it is not, each a sentence.")
    biases: Names = Field(default=(), description="Whom or what it has too much or too little of, each a sentence.")
    personal: Names = Field(default=(), description="What it tells of persons, each a sentence.")
    impact: str | None = Field(default=None, min_length=1, description="Whom its use may help or harm.")


class Lineage(Section):
    """Where a run tells lineage catalogues that it starts, completes or fails."""

    place: ClassVar[str] = "lineage"

    openlineage: str = Field(
        min_length=1,
        description="Where OpenLineage events go: a local file, that gets a line for each, or an http(s) URL.",
    )
    namespace: str = Field(default="genspark", min_length=1, description="The namespace of the job in the catalogue.")

    @model_validator(mode="after")
    def _goes_to_a_file_or_a_server(self) -> Self:
        scheme, separator, _ = self.openlineage.partition("://")
        if separator and scheme not in ("http", "https", "file"):
            raise ValueError(f"openlineage: {scheme}:// takes no events; name a local file, or an http(s) URL")
        return self


class Tracking(Section):
    """Where runs are logged, beside the ledger."""

    place: ClassVar[str] = "tracking"

    mlflow: str = Field(
        min_length=1, description="An MLflow experiment: table, source, figures and model of each run are logged to it."
    )
    model: bool = Field(default=True, description="Whether the fitted model is logged, as one that MLflow can serve.")


class Ledger(Section):
    """The table of runs."""

    place: ClassVar[str] = "ledger"

    path: Path = Field(description="The table's path or URI.")


class ModelFile(Section):
    """The place of the fitted model."""

    place: ClassVar[str] = "model"

    path: Path = Field(description="The JSON file's path or URI.")
    statistics: Path | None = Field(
        default=None, description="The table of each file's statistics, for `fit --update`; left out: beside the model."
    )
