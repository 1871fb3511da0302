"""What makes a run happen once: its key, its mark, its model under a name of its own, and its row in the ledger."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from genspark.config import JobConfig
from genspark.errors import GensparkError, ModelError, PlanError, SinkError
from genspark.job import ledger
from genspark.job.growth import LISTS, Growth, list_text, refuse_other_rules, rules_of
from genspark.job.recovery import Recovery
from genspark.job.report import RunReport
from genspark.job.runners.base import Runner
from genspark.job.snapshot import Snapshot, run_key
from genspark.job.states import normal
from genspark.pipeline.model import PipelineModel
from genspark.sinks.marks import Mark, remove_own
from genspark.sinks.table import PastRun
from genspark.sources.formats import format_of
from genspark.storage.files import OWN, delete, file_system, remove_empty
from genspark.storage.stores import absolute, file_uri

MODELS = f"{OWN}/models"
"""The folder, inside a table's, of the models that made its versions: each named by its digest."""


@dataclass
class Once:
    """The place of a run among those before it: what it finds when it looks back, and what it leaves for the next.

    `is_forced`: it is done again even where it was done. `recount` counts the rows that a killed run wrote, where its
    commit does not tell.
    """

    config: JobConfig
    runner: Runner
    run_id: str
    note: Callable[[str], None]
    is_forced: bool
    recount: Callable[[], Mapping[str, Any]]
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    key: str = ""
    source: Snapshot = field(default_factory=Snapshot)
    growth: Growth | None = None
    _row: ledger.Row | None = None
    _mark: Mark | None = None
    _staged: list[str] = field(default_factory=list)

    def look_back(self, *more: str) -> PastRun | None:
        """Find the table, settle what killed runs left there, and return the run that did this one's work, if any.

        `more` is what decides the rows beside job, source and configuration.
        """
        runner, recovery = self.runner, Recovery(self.config, self.runner, self.note, self._recounted)
        killed = recovery.clear()
        runner.look_at_target()
        self.source = runner.snapshot()
        for mark in killed:
            recovery.settle(mark)
        if killed:
            runner.look_at_target()
        if not self.is_forced and self.config.sink.mode == "append":
            past = self._look_at_growth()
            if past is not None:
                return past
        nonce = [self.run_id] if self.is_forced else []
        self.key = run_key(self.config.name, self.source, self.config.config_hash, *more, *nonce)
        runner.told["key"] = self.key
        return self.committed()

    def _look_at_growth(self) -> PastRun | None:
        """Take the source for what is new in it; where nothing is, return the run that added the last of it.

        With `refit: full` the table is written anew instead.
        """
        config, runner = self.config, self.runner
        before = runner.sink.latest(runner.target, config.name)
        if before is None:
            return None
        listed = runner.source_files()
        if listed is None:
            raise PlanError(
                f"engine: {runner.name} cannot tell which files of a Delta table are new since version "
                f"{before.version} of {runner.target.path}; set engine: polars or spark-polars, or sink.mode: overwrite"
            )
        self.growth = growth = Growth.since(before, listed)
        if config.refit == "full":
            if not (growth.new or growth.changed or growth.gone):
                return before
            runner.config = config.model_copy(update={"sink": config.sink.model_copy(update={"mode": "overwrite"})})
            return None
        for line in growth.notes():
            self.note(line)
        if not growth.new:
            return before
        if format_of(config.source.format).is_versioned and growth.gone:
            raise PlanError(
                f"source.path: rows of the source were changed, deleted or compacted since version {before.version} of "
                f"{runner.target.path}, and which of them are new cannot be told; set refit: full to write it anew"
            )
        refuse_other_rules(config, before, runner.target.path)
        self.note(f"source.path: {len(growth.new):,} of {len(listed):,} files are new since version {before.version}")
        self.source = Snapshot(growth.new)
        if config.refit == "never":
            runner.only(growth.new)
        return None

    def committed(self) -> PastRun | None:
        """The run of this key, where its rows are the table's, or among those to which rows are appended."""
        past = self.runner.sink.committed(self.runner.target, self.key)
        is_there = past and (past.is_latest or (self.config.sink.mode == "append" and not past.is_replaced))
        return past if is_there else None

    def begin(self) -> None:
        """Mark that the run is at work, for which all checks are done."""
        runner = self.runner
        self._row = ledger.Row.begun(self.config, self.run_id, self.key, runner.name, self.started, self.source)
        mark = Mark(
            table=runner.target.path,
            run_id=self.run_id,
            key=self.key,
            is_new=runner.target.version is None,
            quarantine=runner.aside.path,
            is_quarantine_new=runner.aside.version is None,
            model=runner.model_path,
            row=asdict(self._row),
        )
        # What Spark alone can reach has no marks, and after a crash no clearing.
        with contextlib.suppress(OSError, ValueError):
            mark.put()
            self._mark = mark
        runner.before_commit = self._refuse_if_given_up

    def stage(self, model: PipelineModel) -> None:
        """Write the model beside the table under its digest, from where a run after a crash can take it.

        It stays, so that the model of every version of the table can be found by the digest in its commit.
        """
        self._list_source()
        sha256, path = model.sha256, self.runner.model_path
        cause: Exception | None = None
        for folder in (f"{self.runner.target.path.rstrip('/')}/{MODELS}", f"{path.rpartition('/')[0]}/models"):
            staged = f"{folder}/{sha256}.json"
            try:
                system, inside = file_system(staged)
                if not system.get_file_info(inside).is_file:
                    model.save(staged)
                    self._staged.append(staged)
            except (OSError, ValueError) as error:
                cause = error
            else:
                self.runner.told["model_file"] = staged
                return
        told = getattr(cause, "strerror", None) or cause
        raise ModelError(f"model.path: a copy of {path} cannot be written ({told}); the table is as it was")

    def _list_source(self) -> None:
        """Let the commit tell which files' rows are in the table once it is made. Raises SinkError."""
        runner, told = self.runner, self.runner.told
        partial = "partitions" if runner.config.sink.partitions else ""
        told |= {"mode": partial or runner.config.sink.mode, "rules_sha256": rules_of(self.config)}
        listed = runner.source_files()
        if listed is None or partial:
            return
        added = {file.uri: file for file in (self.growth.done if self.growth and self.is_growing else ())}
        added |= {file.uri: file for file in listed}
        path = f"{runner.target.path.rstrip('/')}/{LISTS}/{self.run_id}.json"
        left_out = [normal(file_uri(absolute(shard))) for shard in runner.left_out]
        try:
            told["source_list"] = list_text(path, list(added.values()), left_out)
        except (OSError, ValueError) as error:
            raise SinkError(f"sink.path: the list of the source's files cannot be written ({error})") from None
        if "path" in told["source_list"]:
            self._staged.append(path)

    @property
    def is_growing(self) -> bool:
        """Whether rows of new files are added to those of others."""
        return self.growth is not None and self.runner.config.sink.mode == "append"

    def unstage(self) -> None:
        """Take away the models of a write that failed."""
        for staged in self._staged:
            with contextlib.suppress(OSError, ValueError):
                delete(staged)
                remove_own(staged.rpartition("/")[0])
        self._staged.clear()

    def finish(self, report: RunReport) -> RunReport:
        """Add a run that is done to the ledger, and remove its mark."""
        if self._row and not report.already_done:
            self._add(self._row.written(report))
        self._remove_mark()
        return report

    def fail(self, error: BaseException, seconds: float) -> None:
        """Add a run that failed, once it had begun, to the ledger, and remove its mark."""
        if self._row:
            self._add(self._row.failed("interrupted" if isinstance(error, KeyboardInterrupt) else error, seconds))
        self._remove_mark()

    def _refuse_if_given_up(self) -> None:
        """Raise SinkError where another run took this one for dead, and its files may be gone."""
        if self._mark and not self._mark.is_there():
            raise SinkError(
                f"sink.path: {self._mark.table}: another run took this one for dead and cleared its files away; "
                "nothing was changed: run again"
            )

    def _recounted(self, row: ledger.Row) -> Mapping[str, Any]:
        is_same = (row.source_digest, row.config_sha256) == (self.source.digest, self.config.config_hash)
        return self.recount() if is_same else {}

    def _add(self, row: ledger.Row) -> None:
        # The table is what was asked for: it stands, whatever becomes of the ledger.
        try:
            ledger.add(self.config.ledger_path, row)
        except GensparkError as error:
            self.note(f"this run is not in the ledger: {error}")

    def _remove_mark(self) -> None:
        if self._mark is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self._mark.remove()
            if self._mark.is_new:
                remove_empty(self._mark.table)
        self._mark = None
