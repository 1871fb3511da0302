"""The signatures of rows on Polars: contents hashed batch by batch in several threads, and spilled as they come."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa

from genspark.columns import shingles
from genspark.columns.image_hash import perceptual_hashes
from genspark.engines.polars.gather.batch import Batch, Collector
from genspark.engines.polars.hashes import row_hash
from genspark.statistics import Signatures, State, Statistic
from genspark.statistics.signatures import (
    CONTENTS,
    FIRST,
    KEY,
    PART,
    PLACE,
    RANK,
    ROWS,
    SECOND,
    SHINGLES,
    told,
)
from genspark.storage import spill

SPILL_BYTES = 64 << 20
BLOCK_BYTES = 1 << 18
"""Bytes of text whose shingles are made at a time: what fits the processor's own memory."""
SLICE = 1 << 14
"""Rows that a thread takes at a time."""
_OTHER = 1 << 20
"""What parts the seeds of the second hash from those of the first."""


class Hashed(Collector):
    """Hashes the contents of rows, and makes the shingles and bands of each text that a batch holds once."""

    def __init__(self, statistic: Signatures) -> None:
        self._statistic = statistic
        self._seen = 0
        folder = spill.current()
        self._held = {name: _Held(name, folder) for name in (ROWS, CONTENTS)}
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[dict[str, pl.DataFrame]]] = deque()

    def add(self, batch: Batch) -> None:
        self._seen += batch.rows.height
        if self._statistic.method == "exact":
            self._take(_exact(self._statistic, batch.rows))
            return
        self._pool = self._pool or ThreadPoolExecutor(pl.thread_pool_size())
        make = _texts if self._statistic.method == "text" else _images
        for rows in batch.rows.iter_slices(SLICE):
            self._waiting.append(self._pool.submit(make, self._statistic, rows))
            if len(self._waiting) > 2 * pl.thread_pool_size():
                self._take(self._waiting.popleft().result())

    def _take(self, frames: dict[str, pl.DataFrame]) -> None:
        for name, frame in frames.items():
            self._held[name].add(frame)

    def parts(self) -> dict[Statistic, State]:
        while self._waiting:
            self._take(self._waiting.popleft().result())
        if self._pool:
            self._pool.shutdown()
        return {self._statistic: {"seen": self._seen, "rows": {n: held.entries() for n, held in self._held.items()}}}


@dataclass
class _Held:
    """Frames in memory while they are small, or while there is no folder; else in Arrow files, to be mapped."""

    name: str
    folder: spill.Spill | None
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _bytes: int = 0
    _entries: list[dict[str, Any]] = field(default_factory=list)

    def add(self, frame: pl.DataFrame) -> None:
        if frame.height:
            self._frames.append(frame)
            self._bytes += int(frame.estimated_size())
        if self.folder and self._bytes > SPILL_BYTES:
            self._spill(self.folder)

    def entries(self) -> list[dict[str, Any]]:
        """What a state holds of it."""
        if self._frames and self.folder:
            self._spill(self.folder)
        return [*self._entries, *(told(pl.concat(self._frames)) if self._frames else [])]

    def _spill(self, folder: spill.Spill) -> None:
        path = folder.new(self.name, "arrow")
        # The clusters are found in its memory map.
        spill.save(pl.concat(self._frames), path)
        self._entries.append({"path": path})
        self._frames, self._bytes = [], 0


def _exact(statistic: Signatures, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The hashes of the values together; a row without any of them has nothing to compare."""
    columns = statistic.compared
    rows = rows.filter(pl.any_horizontal(pl.col(column).is_not_null() for column in columns))
    schema = nw.from_native(rows).schema
    return {ROWS: _rows(statistic, rows, *(row_hash(columns, schema, shift) for shift in (0, _OTHER)))}


def _texts(statistic: Signatures, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    (column,) = statistic.compared
    rows = rows.with_columns(normal(pl.col(column)).alias(column)).filter(pl.col(column) != "")
    both = [row_hash([column], {column: nw.String()}, shift) for shift in (0, _OTHER)]
    found = _rows(statistic, rows, *both)
    distinct = found.select(FIRST, SECOND).with_columns(rows[column].alias("text")).unique([FIRST, SECOND], keep="any")
    return {ROWS: found, CONTENTS: _contents(statistic, distinct)}


def normal(text: pl.Expr) -> pl.Expr:
    """Text as it is compared: compatible forms as one (NFKC), lower case, letters and digits alone, single spaces."""
    return (
        text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars(" ")
    )


def _contents(statistic: Signatures, distinct: pl.DataFrame) -> pl.DataFrame:
    """The bands and shingles of texts."""
    texts = distinct["text"].rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets_in, data_in = texts.buffers()
    offsets = np.frombuffer(offsets_in, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_in, np.uint8) if data_in else np.zeros(0, np.uint8)
    blocks, start = [], 0
    while start < len(texts):
        near = int(np.searchsorted(offsets, offsets[start] + BLOCK_BYTES, side="right")) - 1
        end = min(max(near, start + 1), len(texts))
        blocks.append(_block(statistic, data, offsets[start : end + 1]))
        start = end
    named = [*statistic.band_names, SHINGLES]
    schema = {name: pl.List(pl.UInt32) if name == SHINGLES else pl.UInt64 for name in named}
    made = pl.concat(blocks) if blocks else pl.DataFrame(schema=schema)
    return pl.concat([distinct.select(FIRST, SECOND), made], how="horizontal")


def _block(statistic: Signatures, data: shingles.Numbers, offsets: shingles.Numbers) -> pl.DataFrame:
    sets = shingles.shingles(data, offsets, statistic.unit, statistic.size)
    signature = shingles.signatures(sets, statistic.bands * statistic.rows, statistic.seed)
    found = dict(zip(statistic.band_names, shingles.bands(signature, statistic.bands), strict=True))
    members = pa.LargeListArray.from_arrays(sets.starts, sets.values)
    return pl.DataFrame({**found, SHINGLES: pl.Series(members)})


def _images(statistic: Signatures, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    (column,) = statistic.compared
    hashes, are_read = perceptual_hashes(rows[column].to_list())
    first, second = pl.Series(hashes), pl.Series(np.zeros(len(hashes), np.uint64))
    return {ROWS: _rows(statistic, rows, pl.lit(first), pl.lit(second)).filter(pl.Series(are_read))}


def _rows(statistic: Signatures, rows: pl.DataFrame, first: pl.Expr, second: pl.Expr) -> pl.DataFrame:
    *others, key, place = statistic.columns[statistic.contents :]
    names = [RANK] * statistic.is_ranked + [PART] * statistic.has_parts
    beside = [
        pl.col(column).cast(pl.String).alias(name) if name == PART else pl.col(column).alias(name)
        for column, name in zip(others, names, strict=True)
    ]
    return rows.select(
        pl.col(place).alias(PLACE), pl.col(key).alias(KEY), first.alias(FIRST), second.alias(SECOND), *beside
    )
