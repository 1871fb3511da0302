"""What makes a run happen once: its key, its mark, its model under a name of its own, and its row in the ledger."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from genspark.config import JobConfig
from genspark.errors import ModelError, PlanError, SinkError, first_line
from genspark.job import duplicates, ledger
from genspark.job.growth import LISTS, Growth, list_text, refuse_other_rules, rules_of
from genspark.job.recovery import Recovery, is_model
from genspark.job.report import RunReport
from genspark.job.runners.base import Runner
from genspark.job.snapshot import Snapshot, run_key
from genspark.job.states import normal
from genspark.pipeline.model import PipelineModel
from genspark.sinks.marks import Mark, marks_of, remove_own
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
    commit does not tell. `fits`: it fits a model, so that `refit` tells which; else it has one, and `refit` is nothing
    to it.
    """

    config: JobConfig
    runner: Runner
    run_id: str
    note: Callable[[str], None]
    is_forced: bool
    recount: Callable[[], Mapping[str, Any]]
    fits: bool = True
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    key: str = ""
    source: Snapshot = field(default_factory=Snapshot)
    growth: Growth | None = None
    is_recorded: bool = False
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
        return self._done_before(*more)

    def look(self) -> PastRun | None:
        """Return the run that did this one's work and left its model, too, if any. Nothing is changed."""
        self.runner.look_at_target()
        self.source = self.runner.snapshot()
        past = self._done_before()
        if past is None:
            return None
        # What wrote the table and has its mark there yet is at work, or was killed before the model was at its path.
        ran, model = past.metadata.get("run_id"), str(past.metadata.get("model_sha256"))
        marks = [mark for mark in marks_of(self.runner.target.path) if mark.run_id == ran]
        return past if all(is_model(mark.model, model) for mark in marks) else None

    def _done_before(self, *more: str) -> PastRun | None:
        if not self.is_forced and self.config.sink.mode == "append":
            past = self._look_at_growth()
            if past is not None:
                return past
        nonce = [self.run_id] if self.is_forced else []
        self.key = run_key(self.config.name, self.source, self.config.work_hash, *more, *nonce)
        self.runner.told["key"] = self.key
        return self.committed()

    def _look_at_growth(self) -> PastRun | None:
        """Take the source for what is new in it; where nothing is, return the run that added the last of it.

        With `refit: full` the table is written anew instead.
        """
        config, runner, refit = self.config, self.runner, self.refit
        before = runner.sink.latest(runner.target, config.name)
        if before is None:
            return None
        listed = runner.source_files()
        self.growth = growth = Growth.since(before, listed)
        if refit == "full":
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
        if refit == "never":
            runner.only(growth.new)
        return None

    @property
    def refit(self) -> str:
        """What becomes of the model where files are new."""
        return self.config.refit if self.fits else "never"

    def committed(self) -> PastRun | None:
        """The run of this key, where its rows are the table's, or among those to which rows are appended."""
        past = self.runner.sink.committed(self.runner.target, self.key)
        is_there = past and (past.is_latest or (self.config.sink.mode == "append" and not past.is_replaced))
        return past if is_there else None

    def begin(self) -> None:
        """Mark that the run is at work, for which all checks are done."""
        runner = self.runner
        self._row = self._begun()
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

    def stage(self, model: PipelineModel) -> PipelineModel:
        """Write the model beside the table under its digest, from where a run after a crash can take it, and return it.

        It stays, so that the model of every version of the table can be found by the digest in its commit. Files that
        it names in a scratch folder are put beside the table, too, and named there.
        """
        self._list_source()
        model = self._published(model)
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
                return model
        told = getattr(cause, "strerror", None) or cause
        raise ModelError(f"model.path: a copy of {path} cannot be written ({told}); the table is as it was")

    def _published(self, model: PipelineModel) -> PipelineModel:
        try:
            model, paths = duplicates.published(model, self.runner.target.path)
        except (OSError, ValueError) as error:
            raise SinkError(f"sink.path: what tells the duplicates cannot be written ({error})") from None
        self._staged += paths
        return model

    def _list_source(self) -> None:
        """Let the commit tell which files' rows are in the table once it is made. Raises SinkError."""
        runner, told = self.runner, self.runner.told
        partial = "partitions" if runner.config.sink.partitions else ""
        told |= {"mode": partial or runner.config.sink.mode, "rules_sha256": rules_of(self.config)}
        if told["mode"] == "append" and not self.is_forced:
            told["adds_new"] = True
        listed = runner.source_files()
        if partial:
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

    def unstage(self, *, came_second: bool) -> None:
        """Take away what was staged for a write that failed, but for a model that another run may have made, too."""
        table = self.runner.target.path
        is_alone = not came_second and all(mark.run_id == self.run_id for mark in marks_of(table))
        for staged in self._staged if is_alone else [path for path in self._staged if "/models/" not in path]:
            with contextlib.suppress(OSError, ValueError):
                delete(staged)
                remove_own(staged.rpartition("/")[0])
        self._staged.clear()

    def give_up(self) -> None:
        """Leave to the next run what this one committed and cannot take back."""
        if self._mark:
            with contextlib.suppress(OSError, ValueError):
                self._mark.give_up()
                self._mark = None

    def record(self, report: RunReport) -> None:
        """Add a run that has written table and model to the ledger: whatever comes after, they stand."""
        assert self._row
        self.is_recorded = True
        self._add(self._row.written(report))

    def finish(self, report: RunReport) -> RunReport:
        """Remove the mark of a run that is done."""
        self._remove_mark()
        return report

    def fail(self, error: BaseException, seconds: float, findings: str | None = None) -> None:
        """Add a run that failed, once it had begun, to the ledger with what it found, and remove its mark."""
        if self._row and not self.is_recorded:
            told = "interrupted" if isinstance(error, KeyboardInterrupt) else error
            self._add(self._row.failed(told, seconds, findings))
        self._remove_mark()

    def fail_early(self, error: Exception, seconds: float) -> None:
        """Add a run whose source cannot be read to the ledger. It has no mark, for it has written nothing."""
        self._add(self._begun().failed(error, seconds))

    def _begun(self) -> ledger.Row:
        return ledger.Row.begun(self.config, self.run_id, self.key, self.runner.name, self.started, self.source)

    def _refuse_if_given_up(self) -> None:
        """Raise SinkError where another run took this one for dead, and its files may be gone."""
        if self._mark and not self._mark.is_there():
            raise SinkError(
                f"sink.path: {self._mark.table}: another run took this one for dead and cleared its files away; "
                "nothing was changed: run again"
            )

    def _recounted(self, row: ledger.Row) -> Mapping[str, Any]:
        runner, told = self.runner, json.loads(row.source).get("files")
        if row.config_sha256 != self.config.config_hash:
            return {}
        if isinstance(told, list):
            # What it read may be the new files alone.
            names = {name for name, *_ in told}
            read = [file for file in runner.source_files() if file.uri in names]
            if Snapshot(tuple(read)).digest != row.source_digest:
                return {}
            runner.only(read)
        elif self.source.digest != row.source_digest:
            return {}
        found = self.recount()
        self.source = runner.snapshot()
        return found

    def _add(self, row: ledger.Row) -> None:
        # The table is what was asked for: it stands, whatever becomes of the ledger.
        try:
            ledger.add(self.config.ledger_path, row)
        except Exception as error:  # whatever goes wrong there
            self.note(f"this run is not in the ledger: {first_line(error)}")

    def _remove_mark(self) -> None:
        if self._mark is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self._mark.remove()
            if self._mark.is_new:
                remove_empty(self._mark.table)
        self._mark = None
