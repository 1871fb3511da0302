"""Work on a part of the shards with Polars, as plain values that run here or are sent to a worker."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl

from genspark.columns.dtypes import Schema
from genspark.columns.hashing import ORDER, are_placed
from genspark.engines.gathered import Gathered
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.polars.fate import Counting, readable
from genspark.engines.polars.meter import METER
from genspark.engines.polars.stream import streamed
from genspark.job.identity import NO_IDENTITY, Identity
from genspark.job.quarantine.on_polars import QuarantineFiles, Stash, marked
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.sinks.columns import fitted
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.writer import write_files
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.row_ids import RowIds
from genspark.sinks.stored import stored
from genspark.sources import Dataset, scan
from genspark.sources.keeping import Kept
from genspark.sources.stage import stage
from genspark.steps.rejection import Counted
from genspark.storage.scratch import scratch_folder
from genspark.storage.spill import Spill, into


@dataclass(frozen=True)
class FitWork:
    """Makes one pass of a fit."""

    fit_pass: FitPass
    nan_free: frozenset[str] = frozenset()
    spill: Spill | None = None

    def __call__(self, dataset: Dataset, task: int) -> Gathered:
        """The parts over the rows that can be read."""
        with_place = are_placed(self.fit_pass.opening.draws)
        rows = readable(scan(dataset, with_place=with_place, with_number=METER.wants_numbers))
        with into(self.spill), METER.through(dataset.rows):
            return self.fit_pass.gather(PolarsEngine(self.nan_free), nw.from_native(rows))


@dataclass(frozen=True)
class StageWork:
    """Keeps the rows of the shards in a folder for later passes."""

    folder: str

    def __call__(self, dataset: Dataset, task: int) -> Kept | None:
        return stage(dataset, self.folder, task)


@dataclass(frozen=True)
class FilesWork:
    """Makes one pass of a fit shard by shard, so that the parts of each file are kept apart."""

    fit_pass: FitPass

    def __call__(self, dataset: Dataset, task: int) -> list[tuple[str, Gathered]]:
        """The path and the parts of each shard, which may be some row groups of a file."""
        work = FitWork(self.fit_pass)
        return [(shard.path, work(dataset.with_shards([shard]), task)) for shard in dataset.shards]


@dataclass(frozen=True)
class WriteResult:
    """The result of writing a part of the shards: files that a commit may add, and the counts of `Counting`.

    `schema` is that of the rows in `files`; `shared_ids` are those of them that share their id, where that was counted.
    """

    schema: pl.Schema
    files: list[WrittenFile]
    aside: list[WrittenFile]
    totals: Counter[Any]
    counted: list[tuple[str, Counted]]
    shared_ids: int | None = None


@dataclass(frozen=True)
class WriteWork:
    """Transforms and writes rows in one pass; those quarantined go to files of their own, with their reasons.

    Nothing is committed. `quarantine` is None where no row can get there. `columns` are those whose types rows take on;
    `identity` says what else rows carry, `float_bits` how floating-point numbers are stored; `is_all`: all rows are in
    this part, so that their ids are compared.
    """

    model: PipelineModel
    folder: str
    layout: Layout
    quarantine: QuarantineFiles | None
    nan_free: frozenset[str] = frozenset()
    columns: Schema = field(default_factory=dict)
    identity: Identity = NO_IDENTITY
    float_bits: int = 64
    is_all: bool = False

    def __call__(self, dataset: Dataset, task: int) -> WriteResult:
        aside: list[WrittenFile] = []
        with_file = self.quarantine is not None or self.identity.is_visible
        with_place = are_placed(self.model.draws())
        frame = scan(dataset, with_file=with_file, with_record=self.identity.has_record, with_place=with_place)
        with scratch_folder() as folder:
            stash = Stash(folder)
            counting = Counting(stash.add if self.quarantine else None)
            read = Stash.keeping(frame) if self.quarantine else frame
            all_rows = marked(read, self.model, counting, self.nan_free, self.identity.hashes)
            kept = fitted(stored(self.identity.on_polars(all_rows), self.float_bits), self.columns)
            ids = RowIds() if self.is_all and self.identity.is_visible else None
            files = streamed(lambda: write_files(kept, self.folder, self.layout, task, ids.add if ids else None))
            if self.quarantine and stash.rows:
                aside = self.quarantine.write(stash.frame(), self.model, task)
        schema, shared = _in_files(kept.collect_schema()), ids.shared() if ids else None
        return WriteResult(schema, files, aside, counting.totals, list(counting.counted), shared)


def _in_files(schema: pl.Schema) -> pl.Schema:
    """The columns that the files have: rows leave their place behind, and the URI of a file is text."""
    return pl.Schema(
        {name: pl.String() if isinstance(dtype, pl.Enum) else dtype for name, dtype in schema.items() if name != ORDER}
    )
