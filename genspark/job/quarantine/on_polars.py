"""The quarantine's rows on Polars: set aside while the table is written, and given their reasons afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import narwhals as nw
import polars as pl

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import is_hidden
from genspark.columns.hashing import KeyHash
from genspark.engines.fate import CORRUPT, REASONS
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.polars.fate import REASON, Counting, Reasoning
from genspark.engines.polars.names import renamed
from genspark.job.quarantine import FILE_URI, READ_AS, REASON_LIST, ROW, RUN, TEXT, own_names, rows_of_shards
from genspark.pipeline.model import PipelineModel
from genspark.sinks.columns import fitted
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.writer import write_files
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.names import held_names
from genspark.sources import Dataset

SPILL_BYTES = 64 << 20
"""Bytes of rows set aside in memory; more go to a temporary file."""


@dataclass(frozen=True)
class QuarantineFiles:
    """Writes the quarantine's files below `folder`, with the types of `columns`, which are there already.

    `names_shards`: shards are left out, so a text column is there.
    """

    folder: str
    layout: Layout
    names_shards: bool = False
    columns: Schema = field(default_factory=dict)

    def schema(self, dataset: Dataset) -> pl.Schema:
        """The columns of the quarantine's rows."""
        text = {TEXT: pl.String()} if dataset.tells_corrupt or self.names_shards else {}
        beside = {**text, FILE_URI: pl.String(), REASON_LIST: pl.List(REASON), RUN: pl.String()}
        own = renamed(dataset.schema, own_names(dataset.schema), held_names)
        rows = pl.LazyFrame(schema=dataset.schema).select(own)
        return pl.Schema({**fitted(rows, self.columns).collect_schema(), **beside})

    def write(self, rows: pl.LazyFrame, model: PipelineModel, task: int) -> list[WrittenFile]:
        """Write rows that a `Stash` holds."""
        return write_files(self._with_reasons(rows, model), self.folder, self.layout, task)

    def write_shards(self, left_out: Mapping[str, str], schema: pl.Schema) -> list[WrittenFile]:
        """Write the rows for shards that are left out."""
        beside = {TEXT: pl.String(), FILE_URI: pl.String(), REASON_LIST: pl.List(REASON), RUN: pl.String()}
        rows = pl.DataFrame(rows_of_shards(left_out, self.layout.run_id), schema=beside).lazy()
        whole = rows.select(
            pl.col(name) if name in beside else pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items()
        )
        return write_files(whole, self.folder, self.layout)

    def _with_reasons(self, rows: pl.LazyFrame, model: PipelineModel) -> pl.LazyFrame:
        schema = rows.collect_schema()
        names = schema.names()
        originals = {name: dtype for name, dtype in schema.items() if not is_hidden(name)}
        with_reasons = marked(rows.with_columns(pl.struct(names).alias(ROW)), model, Reasoning()).select(ROW, REASONS)
        beside = [
            (pl.col(hidden).cast(pl.String) if hidden in names else pl.lit(None, dtype=pl.String)).alias(name)
            for name, hidden in READ_AS.items()
            if hidden in names or (self.names_shards and hidden == CORRUPT)
        ]
        reasons, run = pl.col(REASONS).alias(REASON_LIST), pl.lit(self.layout.run_id).alias(RUN)
        own = renamed(originals, own_names(originals), held_names)
        return fitted(with_reasons.unnest(ROW).select(*own, *beside, reasons, run), self.columns)  # type: ignore[no-any-return]


@dataclass
class Stash:
    """Keeps rows as they were read: in memory while they are few, else in files of a folder."""

    folder: Path
    rows: int = 0
    _held: list[pl.DataFrame] = field(default_factory=list)
    _bytes: int = 0
    _files: list[Path] = field(default_factory=list)

    @staticmethod
    def keeping(frame: pl.LazyFrame) -> pl.LazyFrame:
        """The frame with a copy of its rows as they are now, which `add` reads after the steps."""
        return frame.with_columns(pl.struct(frame.collect_schema().names()).alias(ROW))

    def add(self, batch: pl.DataFrame) -> None:
        """Set rows aside."""
        some = batch.select(ROW).unnest(ROW)
        self.rows += some.height
        self._held.append(some)
        self._bytes += int(some.estimated_size())
        if self._bytes > SPILL_BYTES:
            self._files.append(self.folder / f"{len(self._files)}.arrow")
            pl.concat(self._held).write_ipc(self._files[-1])
            self._held, self._bytes = [], 0

    def frame(self) -> pl.LazyFrame:
        """All rows that were set aside."""
        return pl.concat([*(pl.scan_ipc(path) for path in self._files), *(some.lazy() for some in self._held)])


def marked(
    frame: pl.LazyFrame,
    model: PipelineModel,
    fates: Counting | Reasoning,
    nan_free: frozenset[str] = frozenset(),
    hashes: Sequence[KeyHash] = (),
) -> pl.LazyFrame:
    """Apply every step of the model, with `fates` marking or counting rows before each; `hashes` are added, too."""
    engine = PolarsEngine(nan_free)
    wrapped = engine.with_draws(nw.from_native(fates.start(frame)), model.key, [*hashes, *model.draws()])
    return nw.to_native(model.apply(engine, wrapped, fates.before))  # type: ignore[no-any-return]
