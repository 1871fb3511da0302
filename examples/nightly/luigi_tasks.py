"""A night as tasks of Luigi: ingest -> validate -> run -> train -> evaluate -> gate on the score.

    PYTHONPATH=examples/nightly luigi --module luigi_tasks Gate --day 2026-11-26 --local-scheduler

What is done already is not done again: the job's run is known from the table, the other tasks by a file each. Needs
genspark[luigi] and genspark[models].
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import luigi
import nightly_work

from genspark import JobConfig
from genspark.luigi import RunTask

HERE = Path(__file__).resolve().parent


class Night(luigi.Task):
    """A task of a night, which leaves what it found in a file of its own, last of all."""

    day = luigi.Parameter(description="The night's day, such as 2026-11-26.")
    out = luigi.Parameter(default="out/nightly", description="The folder of shards and tables.")

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"{self.out}/tasks/{self.day}/{type(self).__name__.lower()}.json")

    def run(self) -> None:
        found = self.work()
        with self.output().open("w") as file:
            json.dump(found, file)

    def work(self) -> Any:
        """Do it."""
        raise NotImplementedError

    def found(self) -> Any:
        """What the task before this one found."""
        with self.input().open() as file:
            return json.load(file)


class Ingest(Night):
    """The day's shard is fetched."""

    def work(self) -> str:
        return nightly_work.ingest(self.out, self.day)


class Validate(Night):
    """It is held to the rules, and lands where the job looks."""

    def requires(self) -> Ingest:
        return Ingest(day=self.day, out=self.out)

    def work(self) -> str:
        return nightly_work.validate(self.found())


class Run(RunTask):
    """The table takes what is new."""

    day = luigi.Parameter()
    out = luigi.Parameter(default="out/nightly")
    config = luigi.Parameter(default=str(HERE / "job.yaml"))

    def requires(self) -> Validate:
        return Validate(day=self.day, out=self.out)

    def job(self) -> JobConfig:
        return JobConfig.from_yaml(self.config, env={**os.environ, "NIGHTLY": self.out})

    def complete(self) -> bool:
        # The table may hold all that has landed before the day's shard has.
        return self.requires().complete() and super().complete()


class Train(Night):
    """A model learns from the table, and draws."""

    def requires(self) -> Run:
        return Run(day=self.day, out=self.out)

    def work(self) -> int:
        return nightly_work.train(self.out)


class Evaluate(Night):
    """What it drew is scored."""

    def requires(self) -> Train:
        return Train(day=self.day, out=self.out)

    def work(self) -> dict[str, Any]:
        return nightly_work.evaluate(self.out)


class Gate(Night):
    """The score lets the model through, or fails."""

    most = luigi.FloatParameter(default=nightly_work.MOST, description="The Kernel distance that is let through.")

    def requires(self) -> Evaluate:
        return Evaluate(day=self.day, out=self.out)

    def work(self) -> float:
        return nightly_work.gate(self.found(), self.most)
