"""A job in this process: Polars reads, fits and writes, deltalake commits. No JVM."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar

import narwhals as nw
import polars as pl

from genspark.columns.dtypes import Schema
from genspark.config import Sink
from genspark.engines.gathered import Gathered
from genspark.engines.polars.meter import METER
from genspark.errors import GensparkError, SourceError
from genspark.job import quarantine
from genspark.job.progress import Progress, hears_of_rows
from genspark.job.quarantine.on_polars import QuarantineFiles
from genspark.job.runners.base import Runner, Written
from genspark.job.runners.failure import failure, with_kind
from genspark.job.runners.work import FilesWork, FitWork, StageWork, WriteWork
from genspark.job.snapshot import Snapshot, versions_of
from genspark.job.states import SourceFile, normal
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.sinks.choice import of_files
from genspark.sinks.columns import kept_columns
from genspark.sinks.files.checking import off
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.formats.delta import DeltaRs
from genspark.sinks.row_ids import have_ids, in_files
from genspark.sinks.sink import Files, FileSink
from genspark.sinks.table import partitioning
from genspark.sources import Dataset, Listing, Shard, copying, find_dataset, list_source
from genspark.sources.format import Format
from genspark.sources.formats import format_of
from genspark.sources.stage import lacking, pays, staged
from genspark.sources.unpacking import without_copies
from genspark.statistics import State, Statistic
from genspark.storage import spill
from genspark.storage.files import storage_path
from genspark.storage.scratch import scratch_folder
from genspark.storage.stores import file_uri

Result = TypeVar("Result")


@dataclass
class PolarsRunner(Runner):
    """Streams all shards through this process. They are listed once a run, unless `listing` is given."""

    listing: Listing | None = None
    dataset: Dataset = field(init=False)
    nan_free: frozenset[str] = frozenset()
    _kept: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    sink: FileSink = field(init=False)
    aside_sink: FileSink = field(init=False)

    name: ClassVar[str] = "polars"
    in_tasks: ClassVar[bool] = False

    def start(self) -> None:
        return

    def choose_sinks(self) -> None:
        self.sink = of_files(self.config.sink, in_tasks=self.in_tasks)
        self.aside_sink = DeltaRs(quarantine.PLACE, self.in_tasks)

    def located(self, path: str) -> str:
        return storage_path(path)

    def snapshot(self) -> Snapshot:
        self.listing = listing = self.listing or list_source(self.config.source)
        form = format_of(self.config.source.format)
        if form.is_versioned:
            assert listing.description is not None
            return Snapshot(versions=versions_of(listing.description))
        return Snapshot(tuple(self._file(shard, form) for shard in listing.shards))

    def source_files(self) -> Sequence[SourceFile]:
        assert self.listing is not None
        form = format_of(self.config.source.format)
        return [self._file(shard, form) for shard in self.listing.shards]

    def only(self, files: Sequence[SourceFile]) -> None:
        assert self.listing is not None
        form, wanted = format_of(self.config.source.format), set(files)
        shards = tuple(shard for shard in self.listing.shards if self._file(shard, form) in wanted)
        self.listing = replace(self.listing, shards=shards)

    def read_schema(self) -> Schema:
        self.close()
        self.listing = self.listing or list_source(self.config.source)
        infers = self.keeps and self.config.source.schema_ is None
        scratch = self._scratch() if infers else None
        self.dataset = find_dataset(self.config.source, self.left_out, self.listing, scratch)
        self.nan_free = frozenset()
        self.passes["schema"] = self.dataset.passes
        schema = nw.from_native(pl.LazyFrame(schema=self.dataset.schema)).collect_schema()
        return dict(schema)

    def expect(self, scans: Sequence[Collection[str]], *, writes: bool) -> None:
        """Keep the rows of a source that is costly to read, or its files, if more than one pass will need them."""
        if writes and not self.in_tasks and copying.pays(self.dataset, scans):
            self._copy()
            return
        folder = self._scratch() if pays(self.dataset, len(scans) + writes) else None
        if folder is None:
            return
        kept, rest = dict(self.dataset.kept), lacking(self.dataset)
        if rest:
            with self.phase("fit", "reading the source once, for all passes"):
                results = self._each(StageWork(folder), self.dataset.with_shards(rest), by_bytes=None)
            if any(parts is None for parts in results):
                self.note("source.stage: the disk is too full to keep the rows; each pass reads the source again")
                return
            self.passes["stage"] += 1
            kept.update(pair for parts in results for pair in (parts or {}).items())
        self.dataset = staged(self.dataset.with_shards(without_copies(self.dataset.shards)), kept)

    def _copy(self) -> None:
        """Copy the files of the source to this machine."""
        folder = self._scratch()
        if folder is None:
            return
        with self.phase("fit", "copying the source once, for all passes"):
            self.dataset = self.dataset.with_shards(copying.copied(self.dataset.shards, folder))
        self.passes["stage"] += any(shard.copy for shard in self.dataset.shards)

    def _scratch(self) -> str | None:
        """A folder for what is kept between passes; None where nothing is to be kept. Raises SourceError."""
        where = self.config.source.stage
        if where == "never" or not self.reaches_stage(where):
            return None
        try:
            return str(self._kept.enter_context(scratch_folder(None if where == "auto" else where)))
        except OSError as error:
            reason = f"{where} cannot be written ({error.strerror})"
            raise SourceError(f"source.stage: {reason}; name another folder, or set never") from None

    def close(self) -> None:
        self._kept.close()

    def watch(self, progress: Progress) -> contextlib.AbstractContextManager[None]:
        # Numbers of rows cost some of a pass, and a watch a thread.
        return METER.watched(progress.rows) if hears_of_rows(progress) else contextlib.nullcontext()

    @property
    def source(self) -> Mapping[str, Any]:
        return self.dataset.description

    @property
    def known_files(self) -> Sequence[SourceFile]:
        return self.files()

    @property
    def model_path(self) -> str:
        return self.located(self.config.model_path)

    def states(self, fit_pass: FitPass) -> Mapping[Statistic, State]:
        each = self._each(FitWork(fit_pass, self.nan_free, spill.current()), self.dataset, by_bytes=None)
        whole = functools.reduce(Gathered.merged, each)
        self.nan_free |= whole.nan_free
        return whole.states()

    def files(self) -> Sequence[SourceFile]:
        return [self._file(shard, self.dataset.format) for shard in self.dataset.shards]

    def states_by_file(
        self, fit_pass: FitPass, files: Sequence[SourceFile]
    ) -> Mapping[SourceFile, Mapping[Statistic, State]]:
        wanted, form = set(files), self.dataset.format
        shards = {shard.path: shard for shard in self.dataset.shards if self._file(shard, form) in wanted}
        results = self._each(FilesWork(fit_pass), self.dataset.with_shards(shards.values()), by_bytes=None)
        by_path: dict[str, Gathered] = {}
        for path, gathered in (each for result in results for each in result):
            by_path[path] = by_path[path].merged(gathered) if path in by_path else gathered
        return {self._file(shards[path], form): gathered.states() for path, gathered in by_path.items()}

    @staticmethod
    def _file(shard: Shard, form: Format) -> SourceFile:
        # A file of a version is never changed.
        stamp = (None, None) if form.is_versioned else (shard.size, shard.modified)
        return SourceFile(normal(file_uri(shard.path)), *stamp)

    def write(self, model: PipelineModel) -> Written:
        self.passes["write"] += 1
        section = self.section(model)
        aside = QuarantineFiles(
            self.aside_sink.folder(self.aside, self.run_id),
            self.aside_sink.layout(self.aside, None, self.run_id),
            names_shards=bool(self.left_out),
            columns=kept_columns(self.aside, None),
        )
        work = WriteWork(
            model,
            self.sink.folder(self.target, self.run_id),
            self._layout(section),
            aside if self.dataset.tells_corrupt or quarantine.may_get_rows(model) else None,
            self.nan_free,
            kept_columns(self.target, section),
            self.identity,
            section.float_,
            is_all=not self.in_tasks,
        )
        with self.phase("write", "writing the table"):
            results = self._each(work, self.dataset, by_bytes=section.target_file_size)
            totals = sum((result.totals for result in results), Counter[Any]())
            observed = {name: totals[name] for name in ("read", "dropped", "quarantined")}
            counts = [what.told(step, totals[step, what]) for step, what in results[0].counted]
            rejected = Files([f for result in results for f in result.aside], aside.schema(self.dataset))
            if self.left_out:
                shards = aside.write_shards(self.left_out, rejected.schema)
                rejected = replace(rejected, files=[*rejected.files, *shards])
            files = self._merged([file for result in results for file in result.files], work)
            rows = Files(files, results[0].schema)
            self.tell_rows(observed, counts, _count(rows), _count(rejected))
            shared = self._shared_ids(work.folder, rows, results[0].shared_ids)
            if shared is not None:
                self.told["row_ids_shared"] = shared
            self.before_commit()
            metadata = self.metadata(model)
            aside_commit = self.aside_sink.append(
                self.aside, rejected, {**metadata, **quarantine.renamed_columns(self.dataset.schema)}
            )
            properties = self.table_properties(model)
            misfits = self._misfits(section, rows, properties)
            commit = self.sink.commit(self.target, section, rows, metadata, properties)
        return Written(replace(commit, shared_ids=shared, off=tuple(misfits)), observed, aside_commit, counts)

    def _misfits(self, section: Sink, rows: Files, properties: Mapping[str, str]) -> list[str]:
        columns = {name: str(dtype) for name, dtype in rows.schema.items()}
        return off(rows.files, columns, partitioning(self.target, section), {**properties, **section.properties})

    def _shared_ids(self, folder: str, rows: Files, counted: int | None) -> int | None:
        """The rows that share their id, from the files where they were not counted; None where they have none."""
        if counted is not None or not self.identity.is_visible or not have_ids(rows):
            return counted
        return self._shared_in(folder, rows)

    def _shared_in(self, folder: str, rows: Files) -> int | None:
        return in_files(folder, rows.files)

    def _layout(self, section: Sink) -> Layout:
        layout = self.sink.layout(self.target, section, self.run_id)
        # What is merged after the tasks is put in order again, by the rows' ids where the table has them.
        return replace(layout, keeps_order=self.in_tasks and bool(self.identity.key) and not section.lineage)

    def _merged(self, files: list[WrittenFile], work: WriteWork) -> list[WrittenFile]:
        """The files, no more of them than their sizes ask for."""
        return files

    def _each(self, work: Callable[[Dataset, int], Result], dataset: Dataset, by_bytes: int | None) -> list[Result]:
        """The results of the work on each part of the dataset, in the order of its shards; here it is one part."""
        METER.begin(dataset.rows, dataset.bytes_told, writes=by_bytes is not None)
        try:
            return [work(dataset, 0)]
        except GensparkError:
            raise
        except Exception as error:
            raise failure(error, with_kind(error), dataset, self.config.sink.path) from error


def _count(rows: Files) -> int:
    return sum(file.rows for file in rows.files)
