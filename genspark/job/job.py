"""run(JobConfig) -> RunReport: source -> fit -> transform -> sink, in the fewest passes over the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from genspark.config import JobConfig
from genspark.errors import SourceOvertakenError
from genspark.job import models
from genspark.job.attempt import Attempt
from genspark.job.naming import named
from genspark.job.progress import Progress, Silent
from genspark.job.report import RunReport
from genspark.job.update import UpdateReport
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.plan import Plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(
    config: JobConfig, *, force: bool = False, spark: SparkSession | None = None, progress: Progress | None = None
) -> RunReport:
    """Fit the steps on the source, write the table, the quarantine and the model; report.

    Where the table has the rows of the same run already (job, source and configuration), nothing is changed and the
    report is `already_done`; with `force` it is done again. An engine on Spark uses `spark`, or the active session, or
    starts one. Raises a GensparkError for whatever the user can mend; the table, the quarantine and the model are then
    as they were.
    """
    return _until_none_came_first(
        config,
        lambda config: Attempt(config, progress or Silent(), force=force),
        lambda job: job.look_back() or job.recorded(job.fit_and_write),
        spark,
    )


def fit(
    config: JobConfig, *, update: bool = False, spark: SparkSession | None = None, progress: Progress | None = None
) -> PipelineModel:
    """Fit the steps and save the model, without writing a table; with `update`, as `fit_update` does."""
    if update:
        return fit_update(config, spark=spark, progress=progress).model
    naming = named(config, spark)
    job = Attempt(naming.config, progress or Silent(), writes_table=False)
    with job.opened(naming.spark):
        job.prepare()
        return models.publish(job.with_what_can_be_read(job.fit), job.runner.model_path)


def fit_update(
    config: JobConfig, *, spark: SparkSession | None = None, progress: Progress | None = None
) -> UpdateReport:
    """Fit the steps from the statistics that are kept of each file, and save the model.

    Files that are new or changed are scanned and their statistics kept, those of files that are gone are
    dropped. The model is that of a fit on all the files: moments agree to 1e-12, sketches within their
    rank error, the rest exactly. Where the fit fails, statistics and model are as they were.

    Raises ModelError where the source has another schema than the statistics or the model, and PlanError
    for exact quantiles, which do not merge.
    """
    naming = named(config, spark)
    job = Attempt(naming.config, progress or Silent(), writes_table=False, keeps=False)
    with job.opened(naming.spark):
        job.prepare()
        return job.with_what_can_be_read(job.update)


def transform(
    config: JobConfig,
    model: PipelineModel | None = None,
    *,
    force: bool = False,
    told: Mapping[str, Any] | None = None,
    spark: SparkSession | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Write the table with a model fitted before, by default the one at the configuration's model path.

    It happens once, as `run` does; another model makes it another run. Nothing is fitted, so `refit` is not heeded.
    `told` is what the commits' metadata tells beside what it always does.
    """

    def write(job: Attempt) -> RunReport:
        fitted = model or PipelineModel.load(job.runner.model_path)
        return job.look_back(fitted) or job.recorded(lambda: job.write_only(fitted))

    return _until_none_came_first(
        config,
        lambda config: Attempt(config, progress or Silent(), force=force, fits=False, told=told or {}),
        write,
        spark,
    )


def plan(config: JobConfig, *, spark: SparkSession | None = None) -> Plan:
    """The scans that `run` would make. Reads the source's schema and nothing else."""
    naming = named(config, spark)
    job = Attempt(naming.config, Silent(), writes_table=False, keeps=False)
    with job.opened(naming.spark):
        job.prepare()
        return job.plan


def _until_none_came_first(
    config: JobConfig,
    begin: Callable[[JobConfig], Attempt],
    work: Callable[[Attempt], RunReport],
    spark: SparkSession | None,
) -> RunReport:
    """The report of a job; where another run of it added files of its source first, it begins again with the rest.

    It ends, for each time that it begins again another run has ended well. Names in a catalog are given then.
    """
    naming = named(config, spark)
    while True:
        job = begin(naming.config)
        try:
            with job.opened(naming.spark):
                report = work(job)
        except SourceOvertakenError as error:
            job.phases.note(f"{error}; looking again")
            continue
        naming.register()
        return report
