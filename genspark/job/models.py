"""The model at a job's path: as it was before, as it made the rows of a run, and saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from genspark.errors import ModelError
from genspark.job import duplicates
from genspark.pipeline.model import PipelineModel
from genspark.sinks.table import PastRun


def before(path: str) -> PipelineModel | None:
    """The model at a path; None where there is none, or one that cannot be read, which a fit replaces."""
    with contextlib.suppress(ModelError):
        return PipelineModel.load(path)
    return None


def of_run(past: PastRun, path: str) -> PipelineModel:
    """The model that made the rows of a run: its copy, or the model at a path where that is the same."""
    staged = past.metadata.get("model_file")
    try:
        return PipelineModel.load(staged or path)
    except ModelError:
        model = before(path)
        if staged and model is not None and model.sha256 == past.metadata.get("model_sha256"):
            return model
        raise


def save(model: PipelineModel, path: str) -> None:
    """Save a model. Raises ModelError."""
    with _told("{} cannot be written ({})", path):
        model.save(path)


def publish(model: PipelineModel, path: str) -> PipelineModel:
    """Save a model with what it names in a scratch folder beside it; return it as it was saved. Raises ModelError."""
    with _told("what tells the duplicates cannot be written beside {} ({})", path):
        model, _ = duplicates.published(model, path.rpartition("/")[0])
    save(model, path)
    return model


@contextlib.contextmanager
def _told(what: str, path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise ModelError(f"model.path: {what.format(path, cause)}") from None
