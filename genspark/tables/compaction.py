"""Compaction: files that are off are written anew, in hash order and of the target size, and replaced in one commit."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from genspark.columns.hashing import ORDER, orders
from genspark.config import Source
from genspark.errors import SinkError, SourceError
from genspark.sinks.files.layout import Layout
from genspark.sinks.files.targets import SMALL, Targets, mergeable
from genspark.sinks.files.writer import write_files
from genspark.sinks.files.written import WrittenFile
from genspark.sinks.formats.delta.leftovers import delete_files
from genspark.sinks.formats.delta.rewriting import put_rewritten, refuse_rewriting
from genspark.sinks.stored import stored
from genspark.sources import Dataset, find_dataset, scan
from genspark.storage.object_stores import one_line
from genspark.tables.footers import Tell, silent
from genspark.tables.inspection import Inspection
from genspark.tables.order import ROW_ID
from genspark.tables.snapshot import DataFile, Snapshot, open_delta
from genspark.version import VERSION

FILES_AT_ONCE = 8
"""Files of the target size that are written from one pile of rows, which on disk takes that much."""


@dataclass(frozen=True)
class Compaction:
    """Files that were replaced by others, or are to be (then `added` and `version` are None)."""

    files: int
    bytes: int
    partitions: int
    added: int | None = None
    added_bytes: int | None = None
    version: int | None = None


def to_rewrite(inspection: Inspection) -> list[list[DataFile]]:
    """The files to write anew, in groups of one partition each."""
    overlaps = set(inspection.overlaps()) if inspection.targets.is_global else set()
    return [
        group
        for files in inspection.snapshot.partitions().values()
        for group in _of_partition(files, inspection, overlaps)
    ]


def compact(inspection: Inspection, groups: Sequence[Sequence[DataFile]], tell: Tell = silent) -> Compaction:
    """Write the groups of files anew, and put the new files in their place, all in one commit.

    What others append meanwhile stays as it is. Raises SinkError, after which nothing has changed.
    """
    snapshot = inspection.snapshot
    run_id = uuid.uuid4().hex
    table = open_delta(snapshot.path)
    refuse_rewriting(table, snapshot.path)
    if inspection.targets.seed is not None and not inspection.tells_order:
        raise SinkError(
            f"{snapshot.path}: files are in hash order, which cannot be kept, as there is no column {ROW_ID}; "
            "write the table anew with sink.lineage: true"
        )
    dataset = rows_of(snapshot, table)
    metadata = {"genspark": VERSION, "run_id": run_id, "maintenance": "compact"}
    version, written = put_anew(inspection, dataset, groups, run_id, metadata, tell)
    replaced = [file for group in groups for file in group]
    return Compaction(
        len(replaced),
        sum(file.size for file in replaced),
        len({file.partition for file in replaced}),
        len(written),
        sum(file.size for file in written),
        version,
    )


def _of_partition(files: Sequence[DataFile], inspection: Inspection, overlaps: set[str]) -> Iterator[list[DataFile]]:
    targets = inspection.targets
    small = {file.name for file in mergeable(files, targets)}
    chosen = [file for file in files if file.name in small or inspection.faults(file)]
    if targets.is_global:
        # A part of the files cannot be put in order with the others.
        if chosen or any(file.name in overlaps for file in files):
            yield list(files)
        return
    rest = [file for file in files if file not in chosen]
    if chosen and rest and sum(file.size for file in chosen) < SMALL * targets.file_bytes:
        # Alone they would be a small file again.
        chosen.append(min(rest, key=lambda file: file.size))
    yield from _cut(chosen, targets)


def _cut(files: Sequence[DataFile], targets: Targets) -> Iterator[list[DataFile]]:
    """The files in groups of about `FILES_AT_ONCE` targets, none of which is much smaller."""
    total = sum(file.size for file in files)
    count = max(1, total // (FILES_AT_ONCE * targets.file_bytes))
    group: list[DataFile] = []
    size, done = 0, 0
    for file in files:
        group.append(file)
        size += file.size
        if size * count >= total * (done + 1):
            yield group
            group, done = [], done + 1
    if group:
        yield group


def rows_of(snapshot: Snapshot, table: object) -> Dataset:
    """The rows of a version. Raises SinkError where they come back with types that are not the table's."""
    dataset = find_dataset(Source(path=snapshot.path, format="delta", version=snapshot.version))
    _refuse_other_types(dataset, table, snapshot.path)
    return dataset


def put_anew(
    inspection: Inspection,
    dataset: Dataset,
    groups: Sequence[Sequence[DataFile]],
    run_id: str,
    metadata: Mapping[str, Any],
    tell: Tell,
    keep: pl.Expr | None = None,
    erased: int = 0,
) -> tuple[int, list[WrittenFile]]:
    """Write the groups of files anew and commit them in the place of the old ones; return the version and the files.

    With `keep` the other rows go, which must be as many as `erased`. Raises SinkError, after which nothing has changed.
    """
    snapshot = inspection.snapshot
    replaced = [file for group in groups for file in group]
    try:
        written = _rewritten(inspection, dataset, groups, run_id, tell, keep)
        before = sum(inspection.footers[file.name].rows for file in replaced)
        if before - sum(file.rows for file in written) != erased:
            raise SinkError(f"{snapshot.path}: the files changed while they were read; run again")
        names = {file.name for file in replaced}
        return put_rewritten(snapshot.path, names, written, metadata, deletes=keep is not None), written
    except BaseException as error:
        with contextlib.suppress(OSError):
            delete_files(snapshot.path, run_id, ())
        if isinstance(error, OSError | pl.exceptions.PolarsError):
            raise SinkError(f"{snapshot.path}: {one_line(error)}") from None
        raise


def _rewritten(
    inspection: Inspection,
    dataset: Dataset,
    groups: Sequence[Sequence[DataFile]],
    run_id: str,
    tell: Tell,
    keep: pl.Expr | None,
) -> list[WrittenFile]:
    """Files with the rows of these groups, or with those that are to be kept, laid out as the table is."""
    layout = _layout(inspection, run_id)
    written: list[WrittenFile] = []
    for number, group in enumerate(groups):
        tell(number, len(groups))
        frame = _in_order(_rows(dataset, group), inspection, group)
        frame = frame if keep is None else frame.filter(keep)
        written += write_files(stored(frame, 64), inspection.snapshot.path, layout, task=number)
    return written


def _layout(inspection: Inspection, run_id: str) -> Layout:
    snapshot, targets = inspection.snapshot, inspection.targets
    return Layout(
        snapshot.partition_by,
        run_id,
        rows_per_file=targets.rows_per_file,
        file_bytes=targets.file_bytes,
        group_bytes=targets.group_bytes,
        is_global=targets.is_global,
        compression=targets.compression,
        statistics=None if targets.statistics is None else tuple(sorted(targets.statistics)),
    )


def _rows(dataset: Dataset, files: Sequence[DataFile]) -> pl.LazyFrame:
    wanted = {file.path for file in files}
    shards = [shard for shard in dataset.shards if shard.path in wanted]
    if len(shards) != len(wanted):
        raise SourceError(f"the log lists {len(shards)} of {len(wanted)} files of a version; run again")
    return scan(dataset.with_shards(shards))


def _in_order(rows: pl.LazyFrame, inspection: Inspection, files: Sequence[DataFile]) -> pl.LazyFrame:
    """The rows with the column by which the writer orders them: of the table's order, or as they are."""
    seed = inspection.targets.seed
    if seed is not None and inspection.tells_order:
        order = pl.col(ROW_ID).map_batches(
            lambda ids: pl.Series(orders(ids.to_numpy(), seed), dtype=pl.Int64),
            return_dtype=pl.Int64,
            is_elementwise=True,
        )
        return rows.with_columns(order.alias(ORDER))
    # Spread over the range of a hash, which the writer cuts in equal parts.
    count = sum(inspection.footers[file.name].rows for file in files)
    place = pl.col(ORDER).cast(pl.Int64) * (np.iinfo(np.int64).max // max(count, 1))
    return rows.with_row_index(ORDER).with_columns(place.alias(ORDER))


def _refuse_other_types(dataset: Dataset, table: object, path: str) -> None:
    """Raise SinkError where rows come back from the files with types that are not the table's."""
    import pyarrow as pa

    schema = pa.schema(table.schema().to_arrow())  # type: ignore[attr-defined]
    there = pl.DataFrame(pl.from_arrow(schema.empty_table())).schema
    others = [name for name, dtype in there.items() if dataset.schema.get(name) != dtype]
    if others:
        raise SinkError(
            f"{path}: column {others[0]!r} is {there[others[0]]} and would be written as {dataset.schema[others[0]]}; "
            f"on Spark: OPTIMIZE delta.`{path}`"
        )
