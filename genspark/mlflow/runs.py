"""A run of a job as a run of MLflow: what it read and wrote as datasets, its figures, and its model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from genspark.cards.facts import RunFacts
from genspark.mlflow.models import log_model
from genspark.mlflow.package import package, started
from genspark.mlflow.tables import dataset
from genspark.pipeline.model import PipelineModel
from genspark.storage.secrets import masked


def log_run(experiment: str, facts: RunFacts, model: PipelineModel, *, with_model: bool) -> None:
    """Log a finished run to an experiment, inside the run that is active there, if any. Raises what MLflow does."""
    mlflow = package("tracking.mlflow")
    with started(mlflow, experiment, f"{facts.job} {facts.run_id}", tags=_tags(facts)):
        mlflow.log_params(_parameters(facts))
        mlflow.log_metrics(dict(_metrics(facts)))
        for path, version in _tables_read(facts.source):
            mlflow.log_input(dataset(path, version), context="source")
        mlflow.log_input(dataset(facts.table, facts.version), context="written")
        if with_model:
            log_model(model)


def _tags(facts: RunFacts) -> dict[str, str]:
    return {"genspark.run_id": facts.run_id, "genspark.job": facts.job, "genspark.config_sha256": facts.config_sha256}


def _parameters(facts: RunFacts) -> dict[str, str]:
    told = {
        "engine": facts.engine,
        "mode": facts.mode,
        "source": facts.source.get("path"),
        "source_version": facts.source.get("version"),
        "table": facts.table,
        "table_version": facts.version,
        "model": facts.model,
        "model_sha256": facts.model_sha256,
    }
    return {name: masked(str(value))[:500] for name, value in told.items() if value is not None}


def _metrics(facts: RunFacts) -> Iterator[tuple[str, float]]:
    for name, value in facts.figures.items():
        # MLflow refuses names with other characters, which columns and rules may have.
        yield re.sub(r"[^\w./-]+", "_", name.replace(": ", "/")).strip("_"), float(value)
    yield "seconds", (facts.ended - facts.started).total_seconds()


def _tables_read(source: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The tables that the run read, with the version of each, where it is known."""
    if source.get("format") != "delta":
        return
    paths, versions = ([one] if not isinstance(one, list) else one for one in (source["path"], source.get("version")))
    for path, version in zip(paths, versions, strict=False):
        if isinstance(version, int):
            yield path, version
