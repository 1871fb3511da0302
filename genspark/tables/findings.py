"""What is off with a table, each with what mends it: a command, or a key of the next run's YAML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from genspark.sinks.files.faults import FAULTS, UNORDERED
from genspark.sinks.files.targets import MOST_PARTITIONS, mergeable
from genspark.storage.sizes import counted, size_text
from genspark.tables.durations import LOG, PROPOSED, REMOVED_FILES, retention, span_text
from genspark.tables.inspection import Inspection
from genspark.tables.order import ROW_ID

SKEW = 10.0
"""How much larger than the median a partition may be."""


@dataclass(frozen=True)
class Finding:
    """Something that is off, or (`is_advice`) that may matter later. `kind` is a slug for programs."""

    kind: str
    what: str
    remedy: str
    is_advice: bool = False


def findings(inspection: Inspection) -> list[Finding]:
    """Everything that is off, in the order in which it is best mended."""
    checks = (_damage, _protocol, _partitions, _files, _row_groups, _order, _statistics, _leftovers, _retention)
    return [finding for check in checks for finding in check(inspection)]


def _damage(inspection: Inspection) -> Iterator[Finding]:
    if inspection.unreadable:
        name, cause = next(iter(inspection.unreadable.items()))
        count = len(inspection.unreadable)
        yield Finding(
            "unreadable",
            f"{counted(count, 'file')} cannot be read, such as {name} ({cause})",
            "put the files back, or restore a version that has all of its own (deltalake: DeltaTable.restore)",
        )
    if inspection.snapshot.with_vectors:
        yield Finding(
            "deletion vectors",
            f"rows of {counted(inspection.snapshot.with_vectors, 'file')} are deleted by vectors, which many readers "
            "ignore or refuse",
            f"on Spark: REORG TABLE delta.`{inspection.snapshot.path}` APPLY (PURGE)",
        )


def _protocol(inspection: Inspection) -> Iterator[Finding]:
    protocol = inspection.snapshot.protocol
    if protocol is None or protocol.reader == 1:
        return
    features = ", ".join(protocol.reader_features) or "columnMapping"
    yield Finding(
        "protocol",
        f"reader version {protocol.reader} ({features}) keeps out readers that know no more than {protocol.reader - 1}",
        "sink.properties without these features, and sink.mode: overwrite at another sink.path",
    )


def _partitions(inspection: Inspection) -> Iterator[Finding]:
    snapshot = inspection.snapshot
    sizes = [sum(file.size for file in files) for files in snapshot.partitions().values()]
    by = ", ".join(snapshot.partition_by)
    if len(sizes) > MOST_PARTITIONS:
        yield Finding(
            "many partitions",
            f"{len(sizes):,} partitions by {by}, with at least a file each",
            "sink.partition_by: columns of fewer values",
        )
    if len(sizes) > 1 and max(sizes) > max(SKEW * median(sizes), inspection.targets.file_bytes):
        yield Finding(
            "skew",
            f"the largest partition by {by} has {size_text(max(sizes))}, the median {size_text(median(sizes))}",
            "sink.partition_by: another column, if trainers read partitions one by one",
            is_advice=True,
        )


def _files(inspection: Inspection) -> Iterator[Finding]:
    snapshot, targets = inspection.snapshot, inspection.targets
    target, files = size_text(targets.file_bytes), counted(len(snapshot.files), "file")
    small = [file for some in snapshot.partitions().values() for file in mergeable(some, targets)]
    if small:
        yield Finding(
            "small files",
            f"{len(small):,} of {files} are smaller than half of the target ({target}), and their partitions have more "
            "than one",
            _maintain(inspection, "--compact"),
        )
    large = [file for file in snapshot.files if targets.is_large(file)]
    if large:
        yield Finding(
            "large files",
            f"{len(large):,} of {files} are larger than 1.5 times the target ({target})",
            _maintain(inspection, "--compact"),
        )


def _row_groups(inspection: Inspection) -> Iterator[Finding]:
    faults = Counter(fault for file in inspection.snapshot.files for fault in inspection.faults(file))
    looked_at = counted(len(inspection.footers), "file")
    for fault, what in FAULTS.items():
        if faults[fault]:
            what = f"{faults[fault]:,} of {looked_at} looked at {what}"
            yield Finding(fault, what, _maintain(inspection, "--compact"))


def _order(inspection: Inspection) -> Iterator[Finding]:
    targets, orders = inspection.targets, inspection.orders
    if targets.seed is not None and not inspection.tells_order:
        yield Finding(
            "order unknown",
            f"the table says that its files are in hash order, and has no column {ROW_ID} to check it by",
            "sink.lineage: true",
            is_advice=True,
        )
    unordered = sum(not order.is_sorted for order in orders.values())
    if unordered:
        yield Finding(
            UNORDERED,
            f"{unordered:,} of {counted(len(orders), 'file')} looked at are not in hash order",
            _maintain(inspection, "--compact"),
        )
    overlaps = inspection.overlaps() if targets.is_global else []
    if overlaps:
        yield Finding(
            "no global order",
            f"sink.shuffle is global, and {len(overlaps):,} of {counted(len(orders), 'file')} looked at hold places "
            "between those of others",
            _maintain(inspection, "--compact"),
        )


def _statistics(inspection: Inspection) -> Iterator[Finding]:
    found = {column for footer in inspection.footers.values() for column in footer.with_statistics}
    wanted = inspection.targets.statistics
    surplus = sorted(found - wanted if wanted is not None else found & set(inspection.snapshot.bytes_columns))
    if surplus:
        yield Finding(
            "statistics",
            f"files have statistics of columns that nobody filters by: {', '.join(surplus[:5])}"
            + (f" and {len(surplus) - 5} more" if len(surplus) > 5 else ""),
            "sink.writer: arrow, or an engine with Polars",
            is_advice=True,
        )


def _leftovers(inspection: Inspection) -> Iterator[Finding]:
    for kind, is_orphan, what in (
        ("removed files", False, "are of older versions"),
        ("orphaned files", True, "are named by no version, as runs leave that died"),
    ):
        files = [file for file in inspection.expired if file.is_orphan == is_orphan]
        if files:
            total = size_text(sum(file.size for file in files))
            yield Finding(
                kind,
                f"{counted(len(files), 'file')} ({total}) {what}, and older than the table keeps them",
                _maintain(inspection, "--vacuum"),
                is_advice=True,
            )


def _retention(inspection: Inspection) -> Iterator[Finding]:
    if inspection.snapshot.protocol is None:
        return
    kept = {name: retention(inspection.snapshot.properties, name) for name in (REMOVED_FILES, LOG)}
    short = {name: span for name, span in kept.items() if span < PROPOSED}
    if short:
        told = " and ".join(f"{name} is {span_text(span)}" for name, span in short.items())
        yield Finding(
            "retention",
            f"{told}: a training that reads one version for longer loses its files",
            _maintain(inspection, f"--retain {PROPOSED.days}d"),
            is_advice=True,
        )


def _maintain(inspection: Inspection, flag: str) -> str:
    if inspection.snapshot.protocol is None:
        return "genspark run with sink.mode: overwrite writes the folder anew"
    return f"genspark maintain {inspection.snapshot.path} {flag}"
