"""run(JobConfig) -> RunReport: source -> fit -> transform -> sink, in the fewest passes over the data."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from genspark.config import JobConfig
from genspark.engines.spark_errors import spark_errors
from genspark.engines.spark_fate import CORRUPT, FATE, KEPT, Fates, readable
from genspark.errors import DataError, ModelError, TargetError
from genspark.expressions import is_hidden
from genspark.files import why_not_writable
from genspark.io import delta
from genspark.io.quarantine import judged, quarantined
from genspark.io.sources import Input, read
from genspark.model import PipelineModel
from genspark.plan import Plan
from genspark.report import Count, RunReport
from genspark.session import get_spark, qualified, task_progress
from genspark.version import VERSION

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Progress(Protocol):
    """Shows what is going on."""

    def phase(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Show that this is going on while the block runs."""

    def tasks(self, done: int, known: int) -> None:
        """Tasks of the phase that are done, of those known so far."""


class Silent:
    """Shows nothing."""

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        yield

    def tasks(self, done: int, known: int) -> None:
        return None


def run(config: JobConfig, *, spark: SparkSession | None = None, progress: Progress | None = None) -> RunReport:
    """Fit the steps on the source, write the table, the quarantine and the model; report.

    Uses `spark`, or the active session, or starts one. Raises a GensparkError for whatever the
    user can mend; the table, the quarantine and the model are then as they were.
    """
    job = _Job(config, progress or Silent())
    job.open(spark)
    return job.write(job.fit())


def fit(config: JobConfig, *, spark: SparkSession | None = None, progress: Progress | None = None) -> PipelineModel:
    """Fit the steps and save the model, without writing a table."""
    job = _Job(config, progress or Silent(), writes_table=False)
    job.open(spark)
    model = job.fit()
    job.save(model)
    return model


def transform(
    config: JobConfig,
    model: PipelineModel | None = None,
    *,
    spark: SparkSession | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Write the table with a model fitted before, by default the one at the configuration's model path."""
    job = _Job(config, progress or Silent())
    job.open(spark)
    return job.write(model or PipelineModel.load(job.model_path))


def plan(config: JobConfig, *, spark: SparkSession | None = None) -> Plan:
    """The scans that `run` would make. Reads the source's schema and nothing else."""
    job = _Job(config, Silent(), writes_table=False)
    job.open(spark)
    return job.plan


@dataclass
class _Job:
    """One job on its way: what is known grows from `open` to `write`."""

    config: JobConfig
    progress: Progress
    writes_table: bool = True
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    passes: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.perf_counter)
    corrupt_rows: int | None = None

    spark: SparkSession = field(init=False)
    given: Input = field(init=False)
    plan: Plan = field(init=False)
    target: delta.Table = field(init=False)
    aside: delta.Table = field(init=False)
    model_path: str = field(init=False)

    def open(self, spark: SparkSession | None) -> None:
        """Find everything, and every mistake that can be found before any data is read."""
        config = self.config
        with self._phase("session", "starting Spark"):
            self.spark = spark or get_spark(config.name)
        if self.writes_table:
            with self._phase("plan", "looking at the target"), spark_errors("sink.path", TargetError):
                self.target = delta.find(self.spark, qualified(self.spark, config.sink.path))
                self.aside = delta.find(self.spark, qualified(self.spark, config.quarantine_path), "quarantine.path")
        with self._phase("plan", "reading the schema"):
            self.given = read(self.spark, config.source)
            self.passes["schema"] = self.given.passes
            self.plan = config.pipeline().plan(readable(self.given.frame))
        if self.writes_table:
            delta.check(self.target, config.sink, list(self.plan.output_schema))
        self.model_path = qualified(self.spark, config.model_path)
        refusal = why_not_writable(self.model_path.rpartition("/")[0])
        if refusal:
            raise ModelError(f"model.path: {self.model_path} cannot be written ({refusal})")

    def fit(self) -> PipelineModel:
        """Make the planned scans, counting the records that cannot be read on the way."""
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        frame, observation = self.given.frame, None
        if self.given.tells_corrupt and self.plan.scans:
            observation = Observation()
            frame = frame.observe(observation, F.count_if(F.col(CORRUPT).isNotNull()).alias("corrupt"))
        with contextlib.ExitStack() as stack:
            current = stack.enter_context(contextlib.ExitStack())

            def on_scan(number: int, of: int) -> None:
                current.close()
                self.passes["fit"] += 1
                current.enter_context(self._phase("fit", f"fitting: scan {number} of {of}"))

            with spark_errors("source.path"):
                model = self.config.pipeline().fit(readable(frame), source=self.given.description, on_scan=on_scan)
        if observation is not None:
            self.corrupt_rows = observation.get["corrupt"]
        return model

    def write(self, model: PipelineModel) -> RunReport:
        """Write the quarantine, then the table, then the model; put all back where one fails."""
        # A model that was fitted elsewhere may need columns that this source has not.
        model.check(self.plan.schemas[0])
        try:
            aside = self._write_quarantine(model) if self._may_quarantine(model) else 0
            commit, observed, counts = self._write_table(model)
            _check_sums(observed, written=commit.rows, aside=aside)
            self.save(model)
        except BaseException:
            self._put_back()
            raise
        self.seconds["total"] = time.perf_counter() - self.started
        return RunReport(
            name=self.config.name,
            run_id=self.run_id,
            engine="spark",
            rows_read=observed["read"],
            rows_written=commit.rows,
            rows_quarantined=observed["quarantined"],
            rows_dropped=observed["dropped"],
            scans=self.passes["fit"],
            scans_stage_by_stage=self.plan.stage_by_stage,
            passes=dict(self.passes),
            table=self.target.path,
            table_version=commit.version,
            model=self.model_path,
            model_sha256=model.sha256,
            quarantine=self.aside.path if aside else None,
            files_written=commit.files,
            bytes_written=commit.bytes,
            counts=counts,
            seconds={name: round(self.seconds[name], 3) for name in ("session", "plan", "fit", "write", "total")},
        )

    def save(self, model: PipelineModel) -> None:
        """Save the model where the configuration wants it."""
        try:
            model.save(self.model_path)
        except (OSError, ValueError) as error:
            told = getattr(error, "strerror", None) or error
            raise ModelError(f"model.path: {self.model_path} cannot be written ({told})") from None

    def _may_quarantine(self, model: PipelineModel) -> bool:
        """Whether any row can end in the quarantine, so that it needs a pass of its own."""
        rules = (rule for step, p in zip(model.steps, model.parameters, strict=True) for rule in step.rejections(p))
        has_corrupt = self.given.tells_corrupt and self.corrupt_rows != 0
        return has_corrupt or any(rule.action == "quarantine" for rule in rules)

    def _write_quarantine(self, model: PipelineModel) -> int:
        self.passes["quarantine"] += 1
        with self._phase("write", "writing the quarantine"):
            frame = quarantined(self.given, model, self.run_id)
            rows = delta.append_merging(frame, self.aside.path, self._metadata(model)).rows
            if not rows:
                # A table is made for rows alone.
                delta.put_back(self.spark, self.aside, self.run_id)
        return rows

    def _write_table(self, model: PipelineModel) -> tuple[delta.Commit, dict[str, int], list[Count]]:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        observation, fates = Observation(), Fates(reasons=False)
        properties = {k: v for step in model.steps for k, v in step.table_properties().items()}
        self.passes["write"] += 1
        with self._phase("write", "writing the table"):
            frame = judged(self.given.frame, model, fates)
            frame = fates.observed(frame, observation).filter(F.col(FATE) == KEPT)
            frame = frame.select(*(F.col(f"`{name}`") for name in frame.columns if not is_hidden(name)))
            commit = delta.write(frame, self.target, self.config.sink, self._metadata(model), properties)
        observed = dict(observation.get)
        return commit, observed, [Count(*count) for count in fates.counts(observed)]

    def _metadata(self, model: PipelineModel) -> dict[str, Any]:
        """What a commit tells about its run."""
        return {
            "genspark": VERSION,
            "run_id": self.run_id,
            "job": self.config.name,
            "config_sha256": self.config.config_hash,
            "model_sha256": model.sha256,
            "source": self.given.description,
        }

    def _put_back(self) -> None:
        for table in (self.target, self.aside):
            with contextlib.suppress(Exception):
                delta.put_back(self.spark, table, self.run_id)

    @contextlib.contextmanager
    def _phase(self, phase: str, shown: str) -> Iterator[None]:
        start = time.perf_counter()
        with self.progress.phase(shown), contextlib.ExitStack() as stack:
            if phase in ("fit", "write"):
                stack.enter_context(task_progress(self.spark, self.progress.tasks))
            try:
                yield
            finally:
                self.seconds[phase] += time.perf_counter() - start


def _check_sums(observed: dict[str, int], *, written: int, aside: int) -> None:
    """Raise DataError where rows were lost or doubled: the source gave other rows in another pass."""
    kept, dropped, quarantined_rows = (observed[name] for name in ("kept", "dropped", "quarantined"))
    adds_up = observed["read"] == kept + dropped + quarantined_rows
    if not (adds_up and written == kept and aside == quarantined_rows):
        raise DataError(
            f"rows do not add up: read {observed['read']}, written {written} of {kept}, "
            f"quarantined {aside} of {quarantined_rows}, dropped {dropped}; "
            "the source changed while the job read it, so nothing was kept: run again"
        )
