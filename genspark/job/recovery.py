"""What is done about runs that were killed: what they left is finished where they wrote the table, and undone else.

A run writes in this order: a mark, the model under a name of its own, files, the quarantine's commit, the table's
commit, the model at its path, the ledger's row; then it removes its mark. The table's commit is the point of truth.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from genspark.config import JobConfig
from genspark.errors import ModelError, SinkError, first_line
from genspark.job import ledger
from genspark.job.growth import LISTS
from genspark.job.report import Count
from genspark.job.runners.base import Runner
from genspark.sinks.clearing import clear_unborn
from genspark.sinks.formats import sink_of
from genspark.sinks.formats.delta.leftovers import delete_files
from genspark.sinks.marks import Mark, marks_of, remove_own
from genspark.sinks.table import PastRun
from genspark.steps.rejection import StepCount
from genspark.storage.files import delete, read_text, write_text

_FIELDS = {each.name for each in fields(ledger.Row)}


@dataclass(frozen=True)
class Recovery:
    """Looks for killed runs on the table of a job, before and after the job finds the table.

    `recounted` gives the counts of a run, by the ledger's columns, where its commit does not tell them.
    """

    config: JobConfig
    runner: Runner
    note: Callable[[str], None]
    recounted: Callable[[ledger.Row], Mapping[str, Any]]

    def clear(self) -> Sequence[Mark]:
        """Return the marks of killed runs; where such a run began a table that is not there yet, delete its files."""
        path = self.runner.located(self.config.sink.path)
        marks = marks_of(path)
        dead = [mark for mark in marks if mark.is_dead]
        if dead and sink_of(self.config.sink.format).has_log:
            began = [mark.run_id for mark in dead if mark.is_new]
            _clear(path, began, are_all=len(began) == len(marks))
        for quarantine in {mark.quarantine for mark in dead if mark.is_quarantine_new}:
            began = [mark.run_id for mark in dead if mark.is_quarantine_new and mark.quarantine == quarantine]
            _clear(quarantine, began, are_all=len(began) == len(marks))
        return dead

    def settle(self, mark: Mark) -> None:
        """Finish a killed run that wrote the table, and undo another; then its mark is gone. Raises GensparkError."""
        past = self.runner.sink.committed(self.runner.target, mark.key)
        if past is not None and past.metadata.get("run_id") == mark.run_id:
            self._finish(mark, past)
        else:
            self._undo(mark)
        with contextlib.suppress(OSError, ValueError):
            mark.remove()

    def _finish(self, mark: Mark, past: PastRun) -> None:
        staged = past.metadata.get("model_file")
        if past.is_latest and staged and not is_model(mark.model, past.metadata["model_sha256"]):
            try:
                write_text(mark.model, read_text(staged))
            except (OSError, ValueError) as error:
                raise ModelError(f"model.path: {mark.model} cannot be written from {staged} ({error})") from None
        row = _row(mark)
        if row and not ledger.has(self.config.ledger_path, mark.run_id):
            self._add(replace(row, **_told(past), **(rows_told(past) or self.recounted(row))))
        self.note(f"finished what the killed {mark.who} left: its rows are in version {past.version}")

    def _undo(self, mark: Mark) -> None:
        if mark.quarantine == self.runner.aside.path:
            with contextlib.suppress(OSError):
                self.runner.withdraw(mark.run_id)
                delete_files(mark.quarantine, mark.run_id, ())
        if sink_of(self.config.sink.format).has_log:
            try:
                delete_files(mark.table, mark.run_id, ())
            except OSError as error:
                raise SinkError(f"sink.path: the files of the killed {mark.who} cannot be deleted ({error})") from None
        with contextlib.suppress(OSError, ValueError):
            delete(f"{mark.table}/{LISTS}/{mark.run_id}.json")
            remove_own(f"{mark.table}/{LISTS}")
        row = _row(mark)
        if row and not ledger.has(self.config.ledger_path, mark.run_id):
            self._add(row.failed(f"the process ended before it wrote the table ({mark.who})"))
        self.note(f"cleared away what the killed {mark.who} left: it had not written the table")

    def _add(self, row: ledger.Row) -> None:
        try:
            ledger.add(self.config.ledger_path, row)
        except Exception as error:  # whatever goes wrong there, the table stands
            self.note(f"the run is not in the ledger: {first_line(error)}")


def rows_told(past: PastRun) -> dict[str, Any]:
    """The counts that a commit tells, by the ledger's columns; none where its engine did not know them."""
    rows = past.metadata.get("rows")
    return counted(rows, past.metadata["counts"]) if rows else {}


def counted(rows: Mapping[str, int], counts: Sequence[StepCount]) -> dict[str, Any]:
    """Counts of rows and of the steps by the ledger's columns."""
    names = ("read", "written", "quarantined", "dropped")
    return {
        **{f"rows_{name}": rows[name] for name in names},
        "shards_quarantined": rows["shards_quarantined"],
        "counts": ledger.counts_text([Count(*count) for count in counts]),
    }


def _told(past: PastRun) -> dict[str, Any]:
    told = {name: past.metadata.get(name) for name in ("model_sha256", "row_ids_shared")}
    return {"outcome": "recovered", "target_version": past.version, **told}


def _row(mark: Mark) -> ledger.Row | None:
    """The ledger's row that a mark holds; None for one of another genspark."""
    return ledger.Row(**mark.row) if set(mark.row) == _FIELDS else None


def is_model(path: str, sha256: str) -> bool:
    """Whether the model at a path is the one of this digest."""
    with contextlib.suppress(OSError, ValueError):
        return bool(json.loads(read_text(path))["sha256"] == sha256)
    return False


def _clear(path: str, run_ids: Sequence[str], *, are_all: bool) -> None:
    # Where this process cannot delete, finding the table tells what is in the way.
    with contextlib.suppress(OSError, ValueError):
        clear_unborn(path, run_ids, are_all=are_all)
