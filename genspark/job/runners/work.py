"""What is done to a part of the shards, with Polars: plain values that travel to a worker, or stay here."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from genspark.columns.expressions import HIDDEN, is_hidden
from genspark.engines.fate import CORRUPT, CORRUPT_SHARD, FILE, REASONS
from genspark.engines.gathered import Gathered
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.polars.fate import REASON, Counting, Reasoning, readable
from genspark.engines.polars.stream import streamed
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.sinks.parquet_files import Layout, WrittenFile, write_files
from genspark.sources import Dataset, scan
from genspark.storage.stores import file_uri

ROW = f"{HIDDEN}row"
SPILL_BYTES = 64 << 20


@dataclass(frozen=True)
class FitWork:
    """Makes one pass of a fit."""

    fit_pass: FitPass
    nan_free: frozenset[str] = frozenset()

    def __call__(self, dataset: Dataset, task: int) -> Gathered:
        """The parts over the rows that can be read."""
        return self.fit_pass.gather(PolarsEngine(self.nan_free), nw.from_native(readable(scan(dataset))))


@dataclass(frozen=True)
class FilesWork:
    """Makes one pass of a fit shard by shard, so that the parts of each file are kept apart."""

    fit_pass: FitPass

    def __call__(self, dataset: Dataset, task: int) -> list[tuple[str, Gathered]]:
        """The path of each shard, which may be some row groups of a file, and its parts."""
        work = FitWork(self.fit_pass)
        return [(shard.path, work(dataset.with_shards([shard]), task)) for shard in dataset.shards]


@dataclass(frozen=True)
class WriteResult:
    """What a part of the shards became: files that a commit may add, and what was counted, as in `Counting`.

    `schema` is that of the rows in `files`.
    """

    schema: pl.Schema
    files: list[WrittenFile]
    aside: list[WrittenFile]
    totals: Counter[Any]
    told: list[tuple[str, str]]


@dataclass(frozen=True)
class WriteWork:
    """Transforms and writes rows in one pass; those quarantined go to files of their own, with their reasons.

    Nothing is committed. `quarantine` is None where no row can get there. With
    `names_shards` the quarantine has the column `_corrupt_record`, whatever the source can tell.
    """

    model: PipelineModel
    table: str
    layout: Layout
    quarantine: str | None
    quarantine_layout: Layout
    names_shards: bool = False
    nan_free: frozenset[str] = frozenset()

    def __call__(self, dataset: Dataset, task: int) -> WriteResult:
        frame = scan(dataset, with_file=self.quarantine is not None)
        with tempfile.TemporaryDirectory(prefix="genspark-") as folder:
            stash = _Stash(Path(folder))
            counting = Counting(stash.add if self.quarantine is not None else None)
            if self.quarantine is not None:
                frame = frame.with_columns(pl.struct(frame.collect_schema().names()).alias(ROW))
            marked = judged(frame, self.model, counting, self.nan_free)
            kept = marked.select(name for name in marked.collect_schema().names() if not is_hidden(name))
            files = streamed(lambda: write_files(kept, self.table, self.layout, task))
            aside = self._write_quarantine(stash.frame(), task) if stash.rows else []
        return WriteResult(kept.collect_schema(), files, aside, counting.totals, list(counting.told))

    def quarantine_schema(self, dataset: Dataset) -> pl.Schema:
        """The schema of the quarantine's rows."""
        text = {"_corrupt_record": pl.String()} if dataset.tells_corrupt or self.names_shards else {}
        beside = {**text, "_file": pl.String(), "_reasons": pl.List(REASON), "_run_id": pl.String()}
        return pl.Schema({**dataset.schema, **beside})

    def _write_quarantine(self, rows: pl.LazyFrame, task: int) -> list[WrittenFile]:
        assert self.quarantine is not None
        return write_files(self._reasoned(rows), self.quarantine, self.quarantine_layout, task)

    def _reasoned(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The quarantined rows as they were read, judged once more: this time for their reasons."""
        names = rows.collect_schema().names()
        originals = [name for name in names if not is_hidden(name)]
        whole = rows.with_columns(pl.struct(names).alias(ROW))
        marked = judged(whole, self.model, Reasoning()).select(ROW, REASONS)
        told = {"_corrupt_record": CORRUPT, "_file": FILE}
        beside = [
            pl.col(hidden).alias(name) if hidden in names else pl.lit(None, dtype=pl.String).alias(name)
            for name, hidden in told.items()
            if hidden in names or (self.names_shards and hidden == CORRUPT)
        ]
        return marked.unnest(ROW).select(
            *originals, *beside, pl.col(REASONS).alias("_reasons"), pl.lit(self.layout.run_id).alias("_run_id")
        )


@dataclass
class _Stash:
    """Rows put aside: in memory while they are few, else in files of their own until the end."""

    folder: Path
    rows: int = 0
    _held: list[pl.DataFrame] = field(default_factory=list)
    _bytes: int = 0
    _files: list[Path] = field(default_factory=list)

    def add(self, batch: pl.DataFrame) -> None:
        some = batch.select(ROW).unnest(ROW)
        self.rows += some.height
        self._held.append(some)
        self._bytes += int(some.estimated_size())
        if self._bytes > SPILL_BYTES:
            self._files.append(self.folder / f"{len(self._files)}.arrow")
            pl.concat(self._held).write_ipc(self._files[-1])
            self._held, self._bytes = [], 0

    def frame(self) -> pl.LazyFrame:
        return pl.concat([*(pl.scan_ipc(path) for path in self._files), *(some.lazy() for some in self._held)])


def left_out_rows(left_out: Mapping[str, str], schema: pl.Schema, run_id: str) -> pl.LazyFrame:
    """A row of the quarantine for each shard that is left out: its name and the cause, and no values."""
    step, column, rule = CORRUPT_SHARD
    why = [{"step": step, "column": column, "rule": rule, "value": None, "threshold": None}]
    told = [
        {"_corrupt_record": cause, "_file": file_uri(path), "_reasons": why, "_run_id": run_id}
        for path, cause in left_out.items()
    ]
    beside = {"_corrupt_record": pl.String(), "_file": pl.String(), "_reasons": pl.List(REASON), "_run_id": pl.String()}
    rows = pl.DataFrame(told, schema=beside).lazy()
    return rows.select(
        pl.col(name) if name in beside else pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items()
    )


def judged(
    frame: pl.LazyFrame, model: PipelineModel, fates: Counting | Reasoning, nan_free: frozenset[str] = frozenset()
) -> pl.LazyFrame:
    """The frame after every step of the model, with what `fates` does to rows on the way."""
    engine = PolarsEngine(nan_free)
    wrapped = engine.with_draws(nw.from_native(fates.start(frame)), model.key, model.draws())
    return nw.to_native(model.apply(engine, wrapped, fates.before))  # type: ignore[no-any-return]
