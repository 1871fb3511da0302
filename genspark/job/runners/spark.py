"""A job on Spark SQL: a session, classic or Connect, reads, fits, writes and commits."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import is_hidden
from genspark.engines.fate import CORRUPT, FATE, KEPT
from genspark.engines.spark.engine import SparkEngine
from genspark.engines.spark.errors import spark_errors
from genspark.engines.spark.fate import Fates, readable
from genspark.errors import SourceError, TargetError
from genspark.job.quarantine import judged, quarantined
from genspark.job.runners import spark_files
from genspark.job.runners.base import Runner, TaskCount, Written, quarantines, table_properties
from genspark.job.states import SourceFile
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.session import get_spark, qualified, settled, task_progress
from genspark.sinks import arrow_writer, delta_rs, delta_spark
from genspark.sinks.parquet_files import Layout
from genspark.sinks.table import Commit, partitioning
from genspark.sources.on_spark import Input, read, without
from genspark.statistics import State, Statistic

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Observation, SparkSession


@dataclass
class SparkRunner(Runner):
    """Uses `session`, or the active session, or starts one."""

    session: SparkSession | None = None
    spark: SparkSession = field(init=False)
    given: Input = field(init=False)
    corrupt_rows: int | None = None
    _fitted_frame: DataFrame | None = None
    _observation: Observation | None = None
    _uris: dict[SourceFile, str] = field(default_factory=dict)

    name: ClassVar[str] = "spark"

    def start(self) -> None:
        self.spark = self.session or get_spark(self.config.name)

    def look_at_target(self) -> None:
        with spark_errors("sink.path", TargetError):
            path = self.config.sink.path
            is_arrow = self.config.sink.writer == "arrow"
            self.target = delta_rs.find(path) if is_arrow else delta_spark.find(self.spark, qualified(self.spark, path))
            quarantine = qualified(self.spark, self.config.quarantine_path)
            self.aside = delta_spark.find(self.spark, quarantine, "quarantine.path")

    def read_schema(self) -> Schema:
        self._fitted_frame = self._observation = self.corrupt_rows = None
        self.given = read(self.spark, without(self.config.source, self.left_out))
        self.passes["schema"] = self.given.passes
        # On Connect the source is looked at here and not before.
        with spark_errors("source.path", SourceError):
            schema = nw.from_native(readable(self.given.frame)).collect_schema()
        SparkEngine().check_names(schema.names())
        return dict(schema)

    @property
    def source(self) -> Mapping[str, Any]:
        return self.given.description

    @property
    def model_path(self) -> str:
        return qualified(self.spark, self.config.model_path)

    def states(self, fit_pass: FitPass) -> Mapping[Statistic, State]:
        """Make one pass, the first of which counts the records that cannot be read."""
        with spark_errors("source.path"):
            states = fit_pass.states(SparkEngine(), nw.from_native(readable(self._observed())))
        if self._observation is not None and self.corrupt_rows is None:
            self.corrupt_rows = self._observation.get["corrupt"]
        return states

    def files(self) -> Sequence[SourceFile]:
        with spark_errors("source.path"):
            self._uris = spark_files.uris(self.spark, without(self.config.source, self.left_out), self.given)
        return list(self._uris)

    def states_by_file(
        self, fit_pass: FitPass, files: Sequence[SourceFile]
    ) -> Mapping[SourceFile, Mapping[Statistic, State]]:
        wanted = {file: self._uris[file] for file in files}
        is_all = len(files) == len(self._uris)
        with spark_errors("source.path"):
            return spark_files.states(self.given.frame, fit_pass, wanted, is_all=is_all)

    def write(self, model: PipelineModel) -> Written:
        aside = self._write_quarantine(model) if self._may_quarantine(model) else 0
        commit, observed, counts = self._write_table(model)
        return Written(commit, observed, aside, counts)

    def put_back(self) -> None:
        with contextlib.suppress(Exception):
            if self.config.sink.writer == "arrow":
                delta_rs.put_back(self.target, self.run_id)
            else:
                delta_spark.put_back(self.spark, self.target, self.run_id)
        with contextlib.suppress(Exception):
            delta_spark.put_back(self.spark, self.aside, self.run_id)

    def watch(self, tell: TaskCount) -> contextlib.AbstractContextManager[None]:
        return task_progress(self.spark, tell)

    def _observed(self) -> DataFrame:
        if self._fitted_frame is None:
            self._fitted_frame = self.given.frame
            if self.given.tells_corrupt:
                from pyspark.sql import Observation
                from pyspark.sql import functions as F

                self._observation = Observation()
                corrupt = F.count_if(F.col(CORRUPT).isNotNull()).alias("corrupt")
                self._fitted_frame = self.given.frame.observe(self._observation, corrupt)
        return self._fitted_frame

    def _may_quarantine(self, model: PipelineModel) -> bool:
        """Whether any row can end in the quarantine, so that it needs a pass of its own."""
        has_corrupt = self.given.tells_corrupt and self.corrupt_rows != 0
        return has_corrupt or bool(self.left_out) or quarantines(model)

    def _write_quarantine(self, model: PipelineModel) -> int:
        self.passes["quarantine"] += 1
        with self.phase("write", "writing the quarantine"):
            frame = quarantined(self.given, model, self.run_id, self.left_out)
            rows = delta_spark.append_merging(frame, self.aside.path, self.metadata(model)).rows
            if not rows:
                # A table is made for rows alone.
                delta_spark.put_back(self.spark, self.aside, self.run_id)
        return rows

    def _write_table(self, model: PipelineModel) -> tuple[Commit, dict[str, int], list[tuple[str, str, int]]]:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        observation, fates = Observation(), Fates(reasons=False)
        self.passes["write"] += 1
        with self.phase("write", "writing the table"):
            frame = judged(self.given.frame, model, fates)
            frame = fates.with_counts(frame, observation).filter(F.col(FATE) == KEPT)
            frame = frame.select(*(F.col(f"`{name}`") for name in frame.columns if not is_hidden(name)))
            commit = self._commit(frame, model)
        observed = dict(observation.get)
        return commit, observed, fates.counts(observed)

    def _commit(self, frame: DataFrame, model: PipelineModel) -> Commit:
        sink, metadata, properties = self.config.sink, self.metadata(model), table_properties(model)
        if sink.writer == "delta":
            return delta_spark.write(frame, self.target, sink, metadata, properties)
        target = self.target
        # Where files are counted, Spark has gathered the rows of each into a task of its own.
        size = None if sink.files_per_partition else sink.target_file_size
        layout = Layout(partitioning(target, sink), self.run_id, None, sink.max_records_per_file, size)
        with settled(self.spark):
            files = arrow_writer.write(delta_spark.laid_out(frame, sink), target.path, layout)
        done = delta_rs.commit(target, sink, files, arrow_writer.schema_of(frame), metadata, properties)
        with contextlib.suppress(OSError):
            # What a task that was tried twice left behind is in nobody's way.
            delta_rs.sweep(target.path, self.run_id, [file.path for file in files])
        return done
