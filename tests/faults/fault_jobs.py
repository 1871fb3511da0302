"""The job that faults meet: its shards, what a run must make of them, and the state in which each mode's run begins.

Every shard has the same values under other ids, so that the median is 1.0 over any of them: the rows that a run must
write are known without running anything, whatever it fits on.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

MEDIAN = 1.0
STEPS = (
    "[impute: {columns: v, strategy: median}, outliers: {columns: v, threshold: 2, action: quarantine}, "
    "outliers: {name: odd, columns: u, threshold: 2, action: drop}]"
)
ENGINES = {
    "polars": ("engine: polars", ""),
    "spark-polars": ("engine: spark-polars", ""),
    "spark": ("engine: spark", ", writer: arrow"),
    "spark-delta": ("engine: spark", ", writer: delta"),
}
"""Each engine, and the two writers of `spark`, as the YAML asks for them."""

Row = tuple[int, str, float, float]


@dataclass(frozen=True)
class Case:
    """A run that is disturbed: what it finds, and what it must leave.

    `before` are the shards whose rows are in the table already, None where there is no table; `read` those that the run
    has to read, and `after` those whose rows are in the table when it is done. A shard has so many `rows`.
    """

    before: tuple[int, ...] | None
    read: tuple[int, ...]
    after: tuple[int, ...]
    sink: str
    is_of_another_job: bool = False
    rows: int = 300

    def write_shard(self, folder: Path, number: int) -> None:
        """Write a shard, of which row 0 is to be quarantined, row 1 dropped, and every seventh value filled."""
        places = range(self.rows)
        frame = pl.DataFrame(
            {
                "id": [number * self.rows + place for place in places],
                "g": ["abc"[place % 3] for place in places],
                "u": [700.0 if place == 1 else 0.0 for place in places],
                "v": [_value(place) for place in places],
            }
        )
        folder.mkdir(exist_ok=True)
        frame.write_parquet(folder / f"{number}.parquet", row_group_size=self.rows // 2)

    def written(self, shards: Iterable[int]) -> Counter[Row]:
        """The rows that a run over these shards writes, as (id, g, u, v)."""
        return Counter(
            (number * self.rows + place, "abc"[place % 3], 0.0, _value(place) or MEDIAN)
            for number in shards
            for place in range(2, self.rows)
        )

    def visible(self) -> list[Counter[int]]:
        """The ids that a reader may see: all of those before the run, or all of those after it."""
        return [Counter(row[0] for row in self.written(shards)) for shards in (self.before or (), self.after)]

    def quarantined(self) -> Counter[int]:
        """The ids in the quarantine when the run is done."""
        return Counter(number * self.rows for number in (*(self.before or ()), *self.read))

    def counts(self) -> dict[str, int]:
        """The rows that the run counts."""
        shards = len(self.read)
        return {
            "rows_read": shards * self.rows,
            "rows_written": shards * (self.rows - 2),
            "rows_quarantined": shards,
            "rows_dropped": shards,
        }


def _value(place: int) -> float | None:
    if place == 0:
        return 900.0
    return None if place % 7 == 0 else 2.0 if place % 5 == 0 else MEDIAN


MODES = {
    "append new shards": Case((0, 1), (2,), (0, 1, 2), "mode: append"),
    "overwrite": Case((0, 1), (0, 1, 2), (0, 1, 2), "mode: overwrite"),
    "append": Case((9,), (0, 1), (9, 0, 1), "mode: append", is_of_another_job=True),
    "new table": Case(None, (0, 1), (0, 1), "mode: overwrite"),
}


@dataclass(frozen=True)
class Place:
    """A folder with shards, tables and the job's YAML; the same path for every run, for paths are in what runs keep."""

    path: Path

    @property
    def conf(self) -> Path:
        return self.path / "job.yaml"

    @property
    def table(self) -> Path:
        return self.path / "table"

    @property
    def quarantine(self) -> Path:
        return self.path / "table_quarantine"

    @property
    def ledger(self) -> Path:
        return self.path / "table_runs"

    def prepare(self, case: Case, engine: str, run: Callable[[Path], Any]) -> None:
        """Make the state in which the disturbed run begins: undisturbed runs made the table, then shards came."""
        self.path.mkdir()
        shards = self.path / "in"
        if case.before is not None:
            folder = self.path / "elsewhere" if case.is_of_another_job else shards
            for number in case.before:
                case.write_shard(folder, number)
            first = self.conf.with_name("first.yaml")
            first.write_text(self._text("first" if case.is_of_another_job else "job", engine, folder, case.sink))
            run(first)
        for number in case.after:
            if number not in (case.before or ()):
                case.write_shard(shards, number)
        self.conf.write_text(self._text("job", engine, shards, case.sink))

    def keep(self, kept: Path) -> None:
        """Keep a copy of everything."""
        shutil.copytree(self.path, kept)

    def restore(self, kept: Path) -> None:
        """Make everything as it was when it was kept, times of change included."""
        shutil.rmtree(self.path)
        shutil.copytree(kept, self.path)

    def _text(self, name: str, engine: str, shards: Path, sink: str) -> str:
        runs_on, writer = ENGINES[engine]
        return (
            f"name: {name}\n{runs_on}\nkey: [id]\n"
            f"source: {{path: '{shards}/*.parquet', format: parquet, split_size: 1}}\nsteps: {STEPS}\n"
            f"sink: {{path: '{self.table}', {sink}, partition_by: g, properties: {{team: faults}}{writer}}}\n"
        )
