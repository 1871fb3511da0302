"""The choice of a job's engine: the one named, or one that suits input and surroundings and can run the job."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from genspark.config import JobConfig
from genspark.errors import PlanError, SessionError, SourceError
from genspark.job.runners.base import Phase, Runner
from genspark.job.runners.serverless import is_serverless, refusal
from genspark.session import is_running, jvm, master_of
from genspark.session.sail import LACKS, is_sail
from genspark.session.shared import is_shared, name_it
from genspark.storage.files import is_uri
from genspark.storage.object_stores import unreached
from genspark.storage.sizes import size_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from genspark.sources.listing import Listing

LARGE = 1 << 30
"""Bytes from which Spark's tasks are worth their start where a session is there."""
HUGE = 100 << 30
"""Bytes from which one process is too few, where a session can be started."""

NEEDS = ("polars", "polars_hash", "deltalake")


@dataclass(frozen=True)
class Choice:
    """An engine and why it was chosen; `listing` has the shards where their size was asked for."""

    engine: str
    reason: str
    listing: Listing | None = None

    def runner(
        self, config: JobConfig, run_id: str, phase: Phase, spark: SparkSession | None, note: Callable[[str], None]
    ) -> Runner:
        """The runner of this job on the engine; `note` shows a line. What the engine needs is imported only here."""
        if self.engine == "spark":
            from genspark.job.runners.spark import SparkRunner

            return SparkRunner(config, run_id, phase, note, session=spark)
        if self.engine == "polars":
            from genspark.job.runners.polars import PolarsRunner

            return PolarsRunner(config, run_id, phase, note, listing=self.listing)
        from genspark.job.runners.spark_polars import SparkPolarsRunner

        return SparkPolarsRunner(config, run_id, phase, note, listing=self.listing, session=spark)


def choose(config: JobConfig, spark: SparkSession | None = None) -> Choice:
    """The engine that a configuration names, or for `auto` the one that suits input and surroundings.

    Raises PlanError where the named engine, or every engine, cannot do what the job asks for.
    """
    refusals = {engine: _refusal(engine, config, spark) for engine in ("polars", "spark-polars", "spark")}
    if config.engine != "auto":
        refused = refusals[config.engine]
        if refused:
            others = [engine for engine, why in refusals.items() if not why]
            instead = f"; engine: {' or '.join(others)} can" if others else ""
            raise PlanError(f"engine: {config.engine} cannot run this job: {refused}{instead}")
        return Choice(config.engine, "as configured")
    if all(refusals.values()):
        reasons = "; ".join(f"{engine}: {why}" for engine, why in refusals.items())
        raise PlanError(f"engine: no engine can run this job: {reasons}")
    listing = _listing(config)
    size = None if listing is None else listing.size
    return replace(_suited(size, refusals, has_session=spark is not None or is_running()), listing=listing)


def _suited(size: int | None, refusals: dict[str, str | None], *, has_session: bool) -> Choice:
    amount = "input of unknown size" if size is None else f"{size_text(size, decimals=0)} of input"
    if has_session and not refusals["spark-polars"] and size is not None and size >= LARGE:
        return Choice("spark-polars", f"a Spark session is there, {amount} that its workers reach")
    if has_session and not refusals["spark"]:
        if refusals["spark-polars"]:
            return Choice("spark", f"a Spark session is there, and spark-polars cannot: {refusals['spark-polars']}")
        return Choice("spark", f"a Spark session is there, {amount}")
    is_huge = size is not None and size >= HUGE
    if is_huge and not refusals["spark-polars"]:
        return Choice("spark-polars", f"{amount}, more than one process should read")
    if not refusals["polars"]:
        return Choice(
            "polars", f"spark cannot: {refusals['spark']}" if has_session else f"no Spark session is there, {amount}"
        )
    engine = next(engine for engine in ("spark", "spark-polars") if not refusals[engine])
    return Choice(engine, f"polars cannot: {refusals['polars']}")


def _refusal(engine: str, config: JobConfig, spark: SparkSession | None) -> str | None:
    """The reason why an engine cannot run a job, as far as is known before anything is read; None where it can."""
    if is_serverless() and (why := refusal(engine, config)):
        return why
    if engine == "spark":
        sails = LACKS if spark is not None and is_sail(spark) else None
        return sails or _no_spark(spark) or _no_reader(config.source.format) or _no_record(config)
    absent = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed (pip install {' '.join(absent)})"
    if engine == "polars":
        return _not_reached(config)
    if config.sink.files_per_partition:
        return "sink.files_per_partition needs rows to move between tasks"
    if config.sink.shuffle == "global":
        return "sink.shuffle: global needs rows to move between tasks"
    return _no_spark(spark) or _not_reached(config) or _not_shared(config, spark)


def _no_spark(spark: SparkSession | None) -> str | None:
    if spark is not None or is_running() or os.environ.get("SPARK_REMOTE"):
        return None
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed (pip install pyspark)"
    try:
        jvm.find_java()
    except SessionError as error:
        return str(error)
    return None


def _no_reader(name: str) -> str | None:
    from genspark.sources.formats import format_of

    return None if format_of(name).is_on_spark else f"it does not read format {name}"


def _no_record(config: JobConfig) -> str | None:
    from genspark.sources.formats import format_of

    if not config.sink.source_row or format_of(config.source.format).is_numbered_on_spark:
        return None
    return f"sink.source_row: it does not know which record of its file a row of format {config.source.format} is"


def _not_reached(config: JobConfig) -> str | None:
    return next((why for path in config.tables if (why := unreached(path))), None)


def _not_shared(config: JobConfig, spark: SparkSession | None) -> str | None:
    """The reason why workers on other machines cannot reach a local path of the job; None where all is reached."""
    master = master_of(spark)
    private = [
        path
        for path in config.tables
        if not is_uri(path) and not path.startswith(("dbfs:", "/Volumes/")) and not is_shared(path)
    ]
    if private and not master.startswith("local"):
        return f"{private[0]} is a path of this machine, and the workers of {master} are others ({name_it(private[0])})"
    return None


def _listing(config: JobConfig) -> Listing | None:
    """The source's shards; None where they cannot be listed from here, and the run will report why."""
    if any(importlib.util.find_spec(name) is None for name in NEEDS):
        return None
    from genspark.sources import list_source

    with contextlib.suppress(SourceError, OSError, ValueError):
        return list_source(config.source)
    return None
