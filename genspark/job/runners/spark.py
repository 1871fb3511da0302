"""A job on Spark SQL: a session, classic or Connect, reads, fits, writes and commits."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import is_hidden
from genspark.columns.hashing import are_placed
from genspark.config import Sink, Source
from genspark.engines.fate import CORRUPT, FATE, KEPT
from genspark.engines.spark.engine import SparkEngine
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.fate import Fates, readable
from genspark.engines.spark.functions import functions
from genspark.engines.spark.names import wrapped
from genspark.errors import PlanError, SinkError, SourceError
from genspark.job import quarantine
from genspark.job.progress import Progress
from genspark.job.quarantine.on_spark import marked, quarantined
from genspark.job.runners import spark_files
from genspark.job.runners.base import Runner, Written
from genspark.job.runners.sharing import unshared
from genspark.job.snapshot import Snapshot, versions_of
from genspark.job.states import SourceFile, normal
from genspark.job.sums import adds_up
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.session import get_spark, qualified, reach, slots, task_progress
from genspark.session.sail import LACKS, is_sail
from genspark.sinks.choice import of_frames
from genspark.sinks.on_spark import delta_table
from genspark.sinks.on_spark.frames import stored
from genspark.sinks.table import Commit
from genspark.sources.formats import format_of
from genspark.sources.on_spark import read
from genspark.sources.spark_input import Input
from genspark.statistics import State, Statistic
from genspark.steps.rejection import StepCount
from genspark.storage.object_stores import scheme_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Observation, SparkSession


@dataclass
class SparkRunner(Runner):
    """Uses `session`, or the active session, or starts one."""

    session: SparkSession | None = None
    spark: SparkSession = field(init=False)
    given: Input = field(init=False)
    corrupt_rows: int | None = None
    _opened: Input | None = None
    _listed: Sequence[SourceFile] = ()
    _passed_over: frozenset[str] = frozenset()
    _wanted_names: frozenset[str] | None = None
    _fitted_frame: DataFrame | None = None
    _observation: Observation | None = None
    _uris: dict[SourceFile, str] = field(default_factory=dict)

    name: ClassVar[str] = "spark"

    def start(self) -> None:
        self.spark = self.session or get_spark(self.config.name)
        if is_sail(self.spark):
            raise PlanError(f"engine: spark cannot run this job: {LACKS}; engine: spark-polars can")
        reach(self.spark, self.config.tables)

    def choose_sinks(self) -> None:
        section = self.config.sink
        self.sink = of_frames(section, self.spark, self.note)
        writer = "delta" if section.writer == "delta" else "auto"
        rejects = Sink(path=self.config.quarantine_path, writer=writer)
        # What keeps Arrow from the one keeps it from the other, and is reported once.
        self.aside_sink = of_frames(rejects, self.spark, lambda _: None, quarantine.PLACE)

    def located(self, path: str) -> str:
        return qualified(self.spark, path)

    def snapshot(self) -> Snapshot:
        source = self.config.source
        self._passed_over, self._wanted_names = frozenset(), None
        if not format_of(source.format).is_versioned:
            with spark_errors("source.path", SourceError):
                self._listed = list(spark_files.listed(self.spark, source))
            if format_of(source.format).unpacks:
                warning = unshared(((file.uri, file.size or 0) for file in self._listed), slots(self.spark))
                if warning:
                    self.note(warning)
            return Snapshot(tuple(self._listed))
        # Its version is pinned where it is opened, so that what is opened now is what is read.
        self._opened = read(self.spark, source)
        with spark_errors("source.path", SourceError):
            # A file of a version is never changed.
            self._listed = [SourceFile(normal(uri), None, None) for uri in self._opened.frame.inputFiles()]
        return Snapshot(versions=versions_of(self._opened.description))

    def source_files(self) -> Sequence[SourceFile]:
        return list(self._listed)

    def only(self, files: Sequence[SourceFile]) -> None:
        wanted = set(files)
        if self._opened:
            # Names of files are unique in a table, and its log and Spark write their folders in different ways.
            self._wanted_names = frozenset(file.uri.rpartition("/")[2] for file in files)
        self._passed_over = frozenset(file.uri for file in self._listed if file not in wanted)
        self._listed = [file for file in self._listed if file in wanted]

    @property
    def _source(self) -> Source:
        return spark_files.without(self.config.source, self.left_out, self._passed_over)

    def read_schema(self) -> Schema:
        self._fitted_frame = self._observation = self.corrupt_rows = None
        self.given = self._opened or read(self.spark, self._source)
        if self._wanted_names is not None:
            is_wanted = functions().col("_metadata.file_name").isin(*sorted(self._wanted_names))
            self.given = replace(self.given, frame=self.given.frame.filter(is_wanted))
        is_numbered = format_of(self.config.source.format).is_numbered_on_spark
        if is_numbered and are_placed(draw for step in self.config.steps for draw in step.draws()):
            self.given = replace(self.given, frame=self.given.with_place())
        if self._listed and not self.left_out and not self.given.not_alone:
            spark_files.refuse_others(self.given, self._listed)
        self.passes["schema"] = self.given.passes
        # On Connect the source is looked at here and not before.
        with spark_errors("source.path", SourceError):
            frame = wrapped(readable(self.given.frame))
            SparkEngine().check_names(frame)
            return {name: dtype for name, dtype in frame.collect_schema().items() if not is_hidden(name)}

    @property
    def source(self) -> Mapping[str, Any]:
        return self.given.description

    @property
    def model_path(self) -> str:
        return self.located(self.config.model_path)

    def states(self, fit_pass: FitPass) -> Mapping[Statistic, State]:
        """Make one pass of a fit; the first one also counts the records that cannot be read."""
        with spark_errors("source.path"):
            states = fit_pass.states(SparkEngine(), wrapped(readable(self._observed())))
        if self._observation is not None and self.corrupt_rows is None:
            self.corrupt_rows = self._observation.get["corrupt"]
        return states

    def files(self) -> Sequence[SourceFile]:
        with spark_errors("source.path"):
            self._uris = spark_files.uris(self.spark, self._source, self.given)
        return list(self._uris)

    def states_by_file(
        self, fit_pass: FitPass, files: Sequence[SourceFile]
    ) -> Mapping[SourceFile, Mapping[Statistic, State]]:
        wanted = {file: self._uris[file] for file in files}
        is_all = len(files) == len(self._uris)
        with spark_errors("source.path"):
            return spark_files.states(self.given.frame, fit_pass, wanted, is_all=is_all)

    def write(self, model: PipelineModel) -> Written:
        self.before_commit()
        aside_commit = self._write_quarantine(model) if self._may_quarantine(model) else None
        commit, observed, counts = self._write_table(model)
        written = Written(commit, observed, aside_commit, counts)
        if adds_up(observed, written=commit.rows, aside=written.aside, shards=len(self.left_out)):
            return written
        # Spark counts rows twice where an executor was lost and its work is done again before a shuffle.
        self.passes["recount"] += 1
        exact, exact_counts = self.recounted(model)
        return replace(written, observed=exact, counts=exact_counts)

    def reaches_stage(self, where: str) -> bool:
        # A folder that is named is taken to be on a disk that all machines share.
        return where != "auto" or str(self.spark.conf.get("spark.master", "") or "").startswith("local")

    def watch(self, progress: Progress) -> contextlib.AbstractContextManager[None]:
        return task_progress(self.spark, progress.tasks)

    def _observed(self) -> DataFrame:
        if self._fitted_frame is None:
            self._fitted_frame = self.given.frame
            if self.given.tells_corrupt:
                from pyspark.sql import Observation

                F = functions()
                self._observation = Observation()
                corrupt = F.count_if(F.col(CORRUPT).isNotNull()).alias("corrupt")
                self._fitted_frame = self.given.frame.observe(self._observation, corrupt)
        return self._fitted_frame

    def _may_quarantine(self, model: PipelineModel) -> bool:
        """Whether any row can end in the quarantine, which then needs a pass of its own."""
        has_corrupt = self.given.tells_corrupt and self.corrupt_rows != 0
        return has_corrupt or bool(self.left_out) or quarantine.may_get_rows(model)

    def _write_quarantine(self, model: PipelineModel) -> Commit | None:
        self.passes["quarantine"] += 1
        with self.phase("write", "writing the quarantine"):
            visible = [name for name in self.given.frame.columns if not is_hidden(name)]
            frame = quarantined(self.given, model, self.run_id, self.left_out)
            metadata = {**self.metadata(model), **quarantine.renamed_columns(visible)}
            return self.aside_sink.append(self.aside, frame, metadata)

    def _write_table(self, model: PipelineModel) -> tuple[Commit, dict[str, int], list[StepCount]]:
        from pyspark.sql import Observation

        F = functions()
        observation, fates = Observation(), Fates(reasons=False)
        self.passes["write"] += 1
        with self.phase("write", "writing the table"):
            identity = self.identity
            read = self.given.with_origin(record=identity.has_record) if identity.is_visible else self.given.frame
            frame = marked(read, model, fates, identity.hashes)
            frame = fates.with_counts(frame, observation).filter(F.col(FATE) == KEPT)
            section = self.section(model)
            rows = stored(identity.on_spark(frame), section.float_)
            commit = self.sink.commit(self.target, section, rows, self.metadata(model), self.table_properties(model))
        observed = dict(observation.get)
        return commit, observed, fates.counts(observed)

    def withdraw(self, run_id: str) -> None:
        if scheme_of(self.aside.path) == "s3":
            # There Delta's own commits are safe for one driver alone.
            super().withdraw(run_id)
        elif self.aside.version is not None:
            with spark_errors(quarantine.PLACE, SinkError):
                delta_table.delete_where(self.spark, self.aside.path, quarantine.RUN, run_id)

    def recounted(self, model: PipelineModel) -> tuple[Mapping[str, int], list[StepCount]]:
        from pyspark.sql import Observation

        observation, fates = Observation(), Fates(reasons=False)
        with self.phase("write", "counting the rows that were written"), spark_errors("source.path"):
            frame = fates.with_counts(marked(self.given.frame, model, fates), observation)
            frame.write.format("noop").mode("overwrite").save()
        observed = dict(observation.get)
        return observed, fates.counts(observed)
