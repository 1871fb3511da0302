"""What became of a job's run, for schedulers that ask: a look at table and ledger that changes nothing."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genspark.config import JobConfig
from genspark.job import ledger
from genspark.job.once import Once
from genspark.job.phases import Phases
from genspark.job.progress import Silent
from genspark.job.publishing import without_secrets_in_errors
from genspark.job.report import RunReport
from genspark.job.runners import choose
from genspark.job.runners.base import Runner
from genspark.sources.source import paths_of
from genspark.storage import access
from genspark.storage.object_stores import unreached
from genspark.storage.probing import refuse_silent
from genspark.storage.secrets import remember

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Standing:
    """How a job stands with its source as it is now.

    `done` is the report of the run that did it; None where none has, or where its model is not at its path yet.
    `key` is that of the run which did it or would do it.
    """

    key: str
    done: RunReport | None


def standing(config: JobConfig, *, spark: SparkSession | None = None) -> Standing:
    """Look whether a job is done. Nothing is changed, and no session is started but for paths that need Spark.

    Raises what `run` raises before it begins, such as SourceError where the source is not there.
    """
    remember(config.model_dump(by_alias=True))
    with without_secrets_in_errors(), access.using(config.storage):
        refuse_silent({"source.path": paths_of(config.source)[0], "sink.path": config.sink.path})
        runner = _runner(config, spark)
        once = Once(config, runner, runner.run_id, runner.note, is_forced=False, recount=_nothing)
        with contextlib.closing(runner):
            past = once.look()
        if past is None:
            return Standing(once.key, None)
        table, model = runner.target.path, runner.model_path
        done = RunReport.done_before(past, name=config.name, engine=config.engine, table=table, model=model)
        return Standing(str(past.metadata.get("key", once.key)), done)


def failure(config: JobConfig, key: str, since: dt.datetime) -> str | None:
    """Why the run of a key failed that began after a moment, as the ledger tells; None where it tells of none."""
    # A ledger that is not there, or out of reach, tells nothing.
    with access.using(config.storage), contextlib.suppress(Exception):
        rows = ledger.read(config.ledger_path).filter(key=key, outcome="failed")
        for row in rows.iter_rows(named=True):
            if row["started"] >= since:
                return str(row["error"])
    return None


def _runner(config: JobConfig, spark: SparkSession | None) -> Runner:
    """What lists source and table: this process where it reaches them, whatever engine the job names."""
    phases, run_id = Phases(Silent()), uuid.uuid4().hex
    if all(unreached(path) is None for path in config.tables):
        from genspark.job.runners.polars import PolarsRunner

        return PolarsRunner(config, run_id, phases.phase, phases.note)
    runner = choose(config, spark).runner(config, run_id, phases.phase, spark, phases.note)
    runner.start()
    return runner


def _nothing() -> Mapping[str, Any]:
    return {}
