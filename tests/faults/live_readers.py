"""Readers of a table while runs are killed: of the version that was opened before, and of the newest."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import deltalake
import pyarrow.parquet as pq

PAUSE = 0.02


class Readers(threading.Thread):
    """Read until they are stopped; what they saw and should not have is in `surprises`.

    The rows of the pinned version must be those that it had; those of the newest version one of `allowed`.
    """

    def __init__(self, table: Path, allowed: Collection[Counter[Any]]) -> None:
        super().__init__(daemon=True)
        self._table, self._allowed = str(table), allowed
        self._stopped = threading.Event()
        self._pinned = self._open()
        self._before = rows_of(self._pinned)
        self.surprises: list[str] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()

    def run(self) -> None:
        is_last = False
        while not self.surprises and not is_last:
            # The last look comes after the end, so that this is seen too.
            is_last = self._stopped.wait(PAUSE)
            try:
                self._look()
            except Exception as error:
                self.surprises.append(f"a reader failed: {type(error).__name__}: {error}")

    def _look(self) -> None:
        if rows_of(self._pinned) != self._before:
            self.surprises.append("the version that was opened before has other rows")
        seen = rows_of(self._open())
        if seen not in self._allowed:
            self.surprises.append(f"the newest version has {seen.total()} rows, of neither before nor after")

    def _open(self) -> deltalake.DeltaTable | None:
        is_there = deltalake.DeltaTable.is_deltatable(self._table)
        return deltalake.DeltaTable(self._table) if is_there else None


def rows_of(table: deltalake.DeltaTable | None) -> Counter[Any]:
    """The ids in a version of a table, each as often as it is there."""
    ids: Counter[Any] = Counter()
    for file in table.file_uris() if table else ():
        ids.update(pq.ParquetFile(file).read(columns=["id"])["id"].to_pylist())
    return ids
