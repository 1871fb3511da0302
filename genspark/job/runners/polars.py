"""A job in this process: Polars reads, fits and writes, deltalake commits. No JVM."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import narwhals as nw
import polars as pl

from genspark.columns.dtypes import Schema
from genspark.engines.gathered import Gathered
from genspark.errors import GensparkError
from genspark.job.runners.base import Runner, Written, quarantines, table_properties
from genspark.job.runners.failure import failure, in_a_line
from genspark.job.runners.work import FilesWork, FitWork, WriteResult, WriteWork, left_out_rows
from genspark.job.states import SourceFile, normal
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.sinks import delta_rs
from genspark.sinks.parquet_files import Layout, write_files
from genspark.sinks.table import partitioning
from genspark.sources import Dataset, Shard, find
from genspark.statistics import State, Statistic
from genspark.storage.files import storage_path
from genspark.storage.stores import file_uri

Result = TypeVar("Result")


@dataclass
class PolarsRunner(Runner):
    """Streams all shards through this process."""

    dataset: Dataset = field(init=False)
    nan_free: frozenset[str] = frozenset()

    name: ClassVar[str] = "polars"

    def start(self) -> None:
        return

    def look_at_target(self) -> None:
        self.target = delta_rs.find(self.config.sink.path)
        self.aside = delta_rs.find(self.config.quarantine_path, "quarantine.path")

    def read_schema(self) -> Schema:
        self.dataset = find(self.config.source, self.left_out)
        self.nan_free = frozenset()
        self.passes["schema"] = self.dataset.passes
        schema = nw.from_native(pl.LazyFrame(schema=self.dataset.schema)).collect_schema()
        return dict(schema)

    @property
    def source(self) -> Mapping[str, Any]:
        return self.dataset.description

    @property
    def model_path(self) -> str:
        return storage_path(self.config.model_path)

    def states(self, fit_pass: FitPass) -> Mapping[Statistic, State]:
        each = self._each(FitWork(fit_pass, self.nan_free), self.dataset, by_bytes=None)
        whole = functools.reduce(Gathered.merged, each)
        self.nan_free |= whole.nan_free
        return whole.states()

    def files(self) -> Sequence[SourceFile]:
        return [self._file(shard) for shard in self.dataset.shards]

    def states_by_file(
        self, fit_pass: FitPass, files: Sequence[SourceFile]
    ) -> Mapping[SourceFile, Mapping[Statistic, State]]:
        wanted = set(files)
        shards = {shard.path: shard for shard in self.dataset.shards if self._file(shard) in wanted}
        results = self._each(FilesWork(fit_pass), self.dataset.with_shards(shards.values()), by_bytes=None)
        by_path: dict[str, Gathered] = {}
        for path, gathered in (each for result in results for each in result):
            by_path[path] = by_path[path].merged(gathered) if path in by_path else gathered
        return {self._file(shards[path]): gathered.states() for path, gathered in by_path.items()}

    def _file(self, shard: Shard) -> SourceFile:
        # What a Delta table's log names is never changed.
        is_fixed = self.dataset.format == "delta"
        stamp = (None, None) if is_fixed else (shard.size, shard.modified)
        return SourceFile(normal(file_uri(shard.path)), *stamp)

    def write(self, model: PipelineModel) -> Written:
        self.passes["write"] += 1
        sink = self.config.sink
        has_quarantine = self.dataset.tells_corrupt or quarantines(model)
        work = WriteWork(
            model,
            self.target.path,
            Layout(
                partitioning(self.target, sink),
                self.run_id,
                sink.files_per_partition,
                sink.max_records_per_file,
                sink.target_file_size,
            ),
            self.aside.path if has_quarantine else None,
            Layout((), self.run_id),
            names_shards=bool(self.left_out),
            nan_free=self.nan_free,
        )
        with self.phase("write", "writing the table"):
            results = self._each(work, self.dataset, by_bytes=sink.target_file_size)
            aside = self._commit_quarantine(work, results)
            files = [file for result in results for file in result.files]
            metadata = self.metadata(model)
            done = delta_rs.commit(self.target, sink, files, results[0].schema, metadata, table_properties(model))
            self._sweep(results)
        totals = sum((result.totals for result in results), Counter[Any]())
        observed = {name: totals[name] for name in ("read", "dropped", "quarantined")}
        counts = [(step, what, totals[step, what]) for step, what in results[0].told]
        return Written(done, observed, aside, counts)

    def put_back(self) -> None:
        for table in (self.target, self.aside):
            with contextlib.suppress(Exception):
                delta_rs.put_back(table, self.run_id)

    def _commit_quarantine(self, work: WriteWork, results: list[WriteResult]) -> int:
        schema = work.quarantine_schema(self.dataset)
        if self.left_out:
            rows = left_out_rows(self.left_out, schema, self.run_id)
            files = write_files(rows, self.aside.path, work.quarantine_layout)
            results.append(WriteResult(schema, [], files, Counter(), []))
        files = [file for result in results for file in result.aside]
        # A table is made for rows alone.
        return delta_rs.append_merging(self.aside, files, schema, self.metadata(work.model)).rows if files else 0

    def _sweep(self, results: list[WriteResult]) -> None:
        """Take away what no commit names."""

    def _each(self, work: Callable[[Dataset, int], Result], dataset: Dataset, by_bytes: int | None) -> list[Result]:
        """The work done on every part of the dataset, in the order of the shards: here, on all of it at once."""
        try:
            return [work(dataset, 0)]
        except GensparkError:
            raise
        except Exception as error:
            raise failure(error, in_a_line(error), dataset, self.config.sink.path) from error
