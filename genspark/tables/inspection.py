"""A look at a table: its log, the footers of its files, the order of rows in some, and what else is in its folder."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genspark.errors import SourceError
from genspark.sinks.files.faults import LARGE, UNORDERED, faults_of_footer
from genspark.sinks.files.footer import Footer
from genspark.sinks.files.order import FileOrder, overlapping
from genspark.sinks.files.targets import Targets
from genspark.storage.object_stores import one_line
from genspark.tables.durations import REMOVED_FILES, retention
from genspark.tables.footers import Tell, of_each, read_footer, sample, silent
from genspark.tables.leftovers import Leftover, expired, leftovers
from genspark.tables.order import ROW_ID, order_of_file
from genspark.tables.snapshot import DataFile, Snapshot, read_snapshot

MOST_FOOTERS, MOST_ORDERS = 200, 20
"""Files that are looked at, unless all are asked for: a footer is some kilobytes, the ids of a file some megabytes."""


@dataclass(frozen=True)
class Inspection:
    """What was seen of a table. `footers`, `orders` and `unreadable` (name -> cause) are of the files looked at."""

    snapshot: Snapshot
    targets: Targets
    footers: Mapping[str, Footer]
    orders: Mapping[str, FileOrder]
    unreadable: Mapping[str, str]
    leftovers: Sequence[Leftover]

    @property
    def expired(self) -> list[Leftover]:
        """The files that a vacuum deletes."""
        return expired(self.leftovers, retention(self.snapshot.properties, REMOVED_FILES))

    @property
    def tells_order(self) -> bool:
        """Whether the table says that rows are in hash order, and has the ids from which that can be checked."""
        return self.targets.seed is not None and ROW_ID in self.snapshot.columns

    def faults(self, file: DataFile) -> list[str]:
        """What is wrong with a file by itself, as far as it was looked at."""
        found = [LARGE] if self.targets.is_large(file) else []
        footer, order = self.footers.get(file.name), self.orders.get(file.name)
        if footer:
            found += faults_of_footer(footer, self.snapshot.bytes_columns, self.targets)
        return [*found, UNORDERED] if order and not order.is_sorted else found

    def overlaps(self) -> list[str]:
        """The files, of those whose order was looked at, that hold places of others in their partition."""
        found: list[str] = []
        for files in self.snapshot.partitions().values():
            found += overlapping({f.name: self.orders[f.name] for f in files if f.name in self.orders})
        return found


def inspect(
    path: str, *, footers: int | None = MOST_FOOTERS, orders: int | None = MOST_ORDERS, tell: Tell = silent
) -> Inspection:
    """Look at the newest version of a table.

    `footers` and `orders` are the files looked at, at most; None: all. `tell` hears of the footers and then of the
    orders. Raises SourceError.
    """
    snapshot = read_snapshot(path)
    targets = Targets.of(snapshot.properties, snapshot.partition_by)
    found, unreadable = of_each(sample(snapshot.files, footers), read_footer, tell)
    ordered: dict[str, FileOrder] = {}
    if targets.seed is not None and ROW_ID in snapshot.columns:
        readable = [file for file in sample(snapshot.files, orders) if file.name not in unreadable]
        look = functools.partial(order_of_file, seed=targets.seed)
        places, others = of_each(readable, look, tell)
        ordered = {name: order for name, order in places.items() if order}
        unreadable |= others
    try:
        left = leftovers(snapshot)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: {one_line(error)}") from None
    return Inspection(snapshot, targets, found, ordered, unreadable, left)
