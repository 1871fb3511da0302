"""The job that made a table, and its model, as the table's ledger tells them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import polars as pl

from genspark.config import JobConfig
from genspark.config.job import LEDGER_SUFFIX
from genspark.errors import ModelError, TargetError
from genspark.job import ledger
from genspark.job.once import MODELS
from genspark.pipeline.model import PipelineModel
from genspark.storage.files import storage_path
from genspark.storage.secrets import MASK
from genspark.tables.runs import REPLAY


def recorded_job(table: str, sets: Sequence[str] = ()) -> tuple[JobConfig, PipelineModel]:
    """The job of the last run that wrote the table at a path, with `path=value` overrides, and that run's model.

    Its source may hold masked secrets. Raises TargetError where the ledger beside the table does not tell the job.
    """
    path = table.rstrip("/")
    place = f"{path}{LEDGER_SUFFIX}"
    are_there = pl.col("outcome").is_in(["written", "recovered"]) & ~pl.col("job").str.contains(REPLAY, literal=True)
    runs = ledger.read(place).filter(are_there)
    if not runs.height:
        raise TargetError(f"{place} tells of no run that wrote {path}; name the job's YAML")
    run = runs.row(0, named=True)
    told = JobConfig.from_text(run["config"], where=place, sets=sets, env={})
    # The table may have been moved, or be named from another folder.
    config = told.model_copy(update={"sink": told.sink.model_copy(update={"path": path})})
    if MASK in config.quarantine_path + config.model_path:
        raise TargetError(f"{place} hides a secret in a path of the job; name the job's YAML")
    with contextlib.suppress(ModelError):
        return config, PipelineModel.load(f"{storage_path(path)}/{MODELS}/{run['model_sha256']}.json")
    return config, PipelineModel.load(config.model_path)
