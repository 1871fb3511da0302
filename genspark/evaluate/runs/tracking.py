"""Scores logged to MLflow, where it is installed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from genspark.errors import SinkError, first_line
from genspark.evaluate.runs.results import Results, slice_text
from genspark.mlflow.package import package, started

_NO_NAME = re.compile(r"[^A-Za-z0-9_\-. /]")


def log(experiment: str, results: Results) -> None:
    """Log an evaluation as a run of an MLflow experiment: scores as metrics, where the rows are from as parameters.

    It is inside the run that is active there, if any. Raises ConfigError where MLflow is not installed, SinkError where
    it takes nothing.
    """
    mlflow = package("evaluate.mlflow")
    try:
        with started(mlflow, experiment, f"{results.name} {results.run_id}"):
            mlflow.log_metrics(dict(_metrics(results)))
            mlflow.log_params(dict(_parameters(results)))
            mlflow.set_tag("genspark.signatures", json.dumps(_signatures(results))[:5000])
    except Exception as error:
        raise SinkError(f"evaluate.mlflow: {experiment!r} takes no scores ({first_line(error)})") from None


def _metrics(results: Results) -> Iterator[tuple[str, float]]:
    for one in results.scored:
        of = f" of {slice_text(one.slice)}" if one.slice else ""
        name = _NO_NAME.sub("_", f"{one.label}{of}")
        yield name, one.score.value
        for end, bound in zip(("low", "high"), one.score.interval or (), strict=False):
            yield f"{name}.{end}", bound


def _parameters(results: Results) -> Iterator[tuple[str, Any]]:
    yield "engine", results.engine
    for side, facts in results.sides.items():
        for name, value in facts.items():
            yield f"{side}.{name}", str(value)[:500]


def _signatures(results: Results) -> dict[str, str]:
    return {one.label: one.score.digest for one in results.scored}
