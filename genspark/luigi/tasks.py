"""A job as a task of Luigi: its target looks into the table's log, so that nothing else has to tell what was done."""

from __future__ import annotations

import json
import os

import luigi

from genspark import job
from genspark.config import JobConfig
from genspark.errors import SourceError
from genspark.job.report import RunReport


class RunTarget(luigi.Target):  # type: ignore[misc]
    """The run of a job with its source as it is now.

    It exists where the table has that run's commit, and the model is at its path. New shards or
    another configuration make another run, which does not exist yet.
    """

    def __init__(self, config: JobConfig) -> None:
        self.config = config

    def report(self) -> RunReport | None:
        """What is known of the run; None where it has not happened, as with a source that is not there yet."""
        try:
            return job.standing(self.config).done
        except SourceError:
            return None

    def exists(self) -> bool:
        """Whether the run has happened. Raises GensparkError for mistakes in the job."""
        return self.report() is not None


class RunTask(luigi.Task):  # type: ignore[misc]
    """`genspark run` as a task. What is not in the table yet is done, once, however often it is killed and tried again.

    A subclass says in `requires` what must be there before.
    """

    config = luigi.Parameter(description="The job's YAML file.")
    sets = luigi.ListParameter(default=(), description="Overrides, such as sink.path=out/trips.")
    variables = luigi.DictParameter(default={}, description="Values of ${VAR} in the YAML, beside the environment's.")

    def job(self) -> JobConfig:
        """The job as its file describes it now. Raises ConfigError with every mistake."""
        return JobConfig.from_yaml(self.config, sets=list(self.sets), env={**os.environ, **self.variables})

    def output(self) -> RunTarget:
        """The run."""
        return RunTarget(self.job())

    def run(self) -> None:
        """Run the job. Its report is shown as the task's status."""
        report = job.run(self.job())
        self.set_status_message(json.dumps(report.to_json(), ensure_ascii=False))
