"""The steps of a job of genspark's, on each of its engines: two fused scans, and one more that writes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peers.reading import genspark_source
from peers.sessions import genspark_session, scans, versions
from peers.task import Outcome, Task

if TYPE_CHECKING:
    from genspark import RunReport


def run_polars(task: Task, outcome: Outcome) -> None:
    """The engine `polars`: no JVM."""
    run_on("polars", {}, task, outcome)


def run_spark_polars(task: Task, outcome: Outcome) -> None:
    """The engine `spark-polars`: Spark deals out the work, Polars does it."""
    run_on("spark-polars", {}, task, outcome)


def run_spark(task: Task, outcome: Outcome) -> None:
    """The engine `spark`, its table written through Arrow: the default."""
    run_on("spark", {}, task, outcome)


def run_spark_delta(task: Task, outcome: Outcome) -> None:
    """The engine `spark`, its table written by Delta's own writer."""
    run_on("spark", {"sink": {"writer": "delta"}}, task, outcome)


def run_on(engine: str, changes: Mapping[str, Any], task: Task, outcome: Outcome) -> None:
    """The job on an engine, with changes as for `job_of`."""
    note(run_job(job_of(task, engine, changes), task, outcome), task, outcome)


def run_job(job: Mapping[str, Any], task: Task, outcome: Outcome) -> RunReport:
    """The report of a job, run on the engine that it names; how long it took is told, and how often it scanned."""
    return (_run_on_polars if job["engine"] == "polars" else _run_on_spark)(job, task, outcome)


def _run_on_polars(job: Mapping[str, Any], task: Task, outcome: Outcome) -> RunReport:
    with outcome.timed("session"):
        import genspark  # isort: skip - before Polars, whose memory it arranges
        import polars as pl  # isort: skip

        _import_what_it_uses(task)
    with outcome.timed("total"):
        report = genspark.run(genspark.JobConfig.model_validate(job))
    outcome.scans = sum(report.passes.values())
    outcome.versions = {"polars": pl.__version__}
    return report


def _run_on_spark(job: Mapping[str, Any], task: Task, outcome: Outcome) -> RunReport:
    with outcome.timed("session"):
        import genspark
        from genspark.session import stop

        spark = genspark_session(task)
    with outcome.timed("total"):
        report = genspark.run(genspark.JobConfig.model_validate(job), spark=spark)
    # What Polars reads inside a Spark task, Spark does not count.
    outcome.scans = sum(report.passes.values()) if report.engine == "spark-polars" else scans(spark, task)
    outcome.versions = versions(spark)
    stop(spark)
    return report


def _import_what_it_uses(task: Task) -> None:
    """Load what genspark imports when a job first needs it: imports are the session's time, as the other peers' are."""
    names = ["deltalake", "pyarrow.fs", "pyarrow.parquet", "genspark.job.runners.polars"]
    if task.kind.startswith("jsonl") and not task.told:
        # PyArrow brings pandas, where it is installed, as soon as it makes an array of Python's objects.
        names.append("pyarrow.pandas_compat")
    for name in names:
        importlib.import_module(name)


def job_of(task: Task, engine: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The job's configuration; `changes` go over it, section by section."""
    columns = list(task.columns)
    far = {"columns": columns, "method": "zscore", "threshold": task.threshold, "action": "drop"}
    job: dict[str, Any] = {
        "name": "benchmark",
        "engine": engine,
        "key": ["id"],
        "source": genspark_source(task),
        "steps": [
            {"impute": {"columns": columns, "strategy": "mean"}},
            {"outliers": far},
            {"scale": {"columns": columns, "method": "standard"}},
        ],
        "sink": {"path": task.table, "partition_by": ["group"], "mode": "overwrite"},
        **({"quarantine": {"path": f"{task.table}.quarantine"}} if task.corrupt else {}),
    }
    for name, value in changes.items():
        job[name] = {**job.get(name, {}), **value} if isinstance(value, dict) else value
    return job


def note(report: RunReport, task: Task, outcome: Outcome) -> None:
    """Tell what a run of genspark's took and learnt."""
    from genspark import PipelineModel

    outcome.seconds |= {phase: report.seconds[phase] for phase in ("plan", "fit", "write")}
    fill, _, scale = PipelineModel.load(report.model).parameters
    outcome.fill = [fill["values"][column] for column in task.columns]
    outcome.mean, outcome.std, _ = zip(*(scale["maps"][column] for column in task.columns), strict=True)
