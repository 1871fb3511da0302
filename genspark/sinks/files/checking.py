"""What of a run's files does not fit the layout that the table's properties tell, from their footers in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from genspark.columns.hashing import ORDER
from genspark.sinks.files.faults import FAULTS, LARGE, UNORDERED, faults_of_footer
from genspark.sinks.files.footer import Footer
from genspark.sinks.files.order import FileOrder, overlapping
from genspark.sinks.files.targets import Targets, mergeable
from genspark.sinks.files.written import WrittenFile
from genspark.storage.sizes import counted

_ROWS, _COLUMNS, _STATISTICS = "rows", "columns", "statistics"
_OFF = {
    _ROWS: "do not hold the rows that were written to them",
    _COLUMNS: "do not have the table's columns in its order",
    **FAULTS,
    _STATISTICS: "have statistics of columns that nobody filters by",
    UNORDERED: "have rows out of hash order",
    LARGE: "are larger than 1.5 times the target",
}


def off(
    files: Sequence[WrittenFile],
    columns: Mapping[str, str],
    partition_by: Sequence[str],
    properties: Mapping[str, str],
    *,
    by_spark: bool = False,
) -> list[str]:
    """What does not fit, in a phrase each; nothing where all is as the properties tell.

    `columns` are those of the rows, with their types as text. `by_spark`: the statistics are those that Spark's own
    writer makes, whatever it is told.
    """
    targets = Targets.of(properties, partition_by)
    stored = [name for name in columns if name not in partition_by and name != ORDER]
    bytes_columns = [name for name in stored if "binary" in columns[name].lower()]
    seen: Counter[str] = Counter()
    for file in files:
        if file.footer:
            seen.update(_of_footer(file, file.footer, stored, bytes_columns, partition_by, targets, by_spark=by_spark))
        seen[LARGE] += targets.is_large(file)
        seen[UNORDERED] += file.order is not None and not file.order.is_sorted
    found = [f"{seen[fault]:,} of {counted(len(files), 'file')} {what}" for fault, what in _OFF.items() if seen[fault]]
    return [*found, *_of_partitions(files, targets)]


def _of_footer(
    file: WrittenFile,
    footer: Footer,
    stored: Sequence[str],
    bytes_columns: Sequence[str],
    partition_by: Sequence[str],
    targets: Targets,
    *,
    by_spark: bool,
) -> Iterator[str]:
    if footer.rows != file.rows:
        yield _ROWS
    # Spark keeps the columns of partitions in the files, too.
    if [name for name in footer.columns if name not in partition_by] != list(stored):
        yield _COLUMNS
    yield from faults_of_footer(footer, bytes_columns, targets)
    if not by_spark and targets.statistics is not None and footer.with_statistics - targets.statistics:
        yield _STATISTICS


def _of_partitions(files: Sequence[WrittenFile], targets: Targets) -> Iterator[str]:
    partitions: dict[tuple[object, ...], list[WrittenFile]] = defaultdict(list)
    for file in files:
        partitions[tuple(file.partition.items())].append(file)
    small = sum(len(mergeable(some, targets)) for some in partitions.values())
    if small:
        yield f"{small:,} of {counted(len(files), 'file')} are smaller than half of the target, and not alone"
    if not targets.is_global:
        return
    orders: list[dict[str, FileOrder]] = [{f.path: f.order for f in some if f.order} for some in partitions.values()]
    meeting = sum(len(overlapping(some)) for some in orders)
    if meeting:
        yield f"{meeting:,} of {counted(len(files), 'file')} hold places between those of others"
