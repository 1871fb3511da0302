"""One attempt at a job: it looks back, plans, fits and writes, and undoes what it did where it fails."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from genspark.config import JobConfig
from genspark.errors import (
    AlreadyCommittedError,
    DataError,
    GensparkError,
    ModelError,
    ShardError,
    SourceOvertakenError,
)
from genspark.job import ledger, models, vaults
from genspark.job.fairness import audited, check_audit
from genspark.job.hiding import check_hiding, measured
from genspark.job.holding import Holding
from genspark.job.identity import Identity
from genspark.job.learning import Learning
from genspark.job.once import Once
from genspark.job.phases import Phases
from genspark.job.progress import Progress
from genspark.job.publishing import Publication, without_secrets_in_errors
from genspark.job.recovery import counted
from genspark.job.report import FORGOTTEN, RunReport
from genspark.job.runners import choose
from genspark.job.runners.base import Runner
from genspark.job.runners.failure import without_values
from genspark.job.sums import check_sums
from genspark.job.update import UpdateReport, refuse_exact
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.plan import Plan
from genspark.sinks.stored import stored_schema
from genspark.sinks.table import PastRun
from genspark.sources.source import paths_of
from genspark.storage import access
from genspark.storage.files import why_not_writable
from genspark.storage.probing import refuse_silent
from genspark.storage.secrets import remember
from genspark.storage.stores import is_the_stores

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Result = TypeVar("Result")


@dataclass
class Attempt:
    """A job in progress: its attributes are filled in from `open` to `write`."""

    config: JobConfig
    progress: Progress
    writes_table: bool = True
    keeps: bool = True
    force: bool = False
    fits: bool = True
    told: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    phases: Phases = field(init=False)
    runner: Runner = field(init=False)
    plan: Plan = field(init=False)
    publication: Publication = field(init=False)
    once: Once = field(init=False)
    holding: Holding = field(init=False)
    learning: Learning = field(init=False)
    _folders: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __post_init__(self) -> None:
        remember(self.config.model_dump(by_alias=True))
        self.phases = Phases(self.progress)
        self.publication = Publication(self.config, self.run_id, self.phases.note)
        self.holding = Holding(self.config, self.phases)

    @contextlib.contextmanager
    def opened(self, spark: SparkSession | None) -> Iterator[None]:
        """Choose and start the engine for the block, and remove at its end what was kept between passes."""
        announced = self.publication.announced() if self.writes_table else contextlib.nullcontext()
        with without_secrets_in_errors(), access.using(self.config.storage), announced:
            try:
                self.open(spark)
                yield
            except GensparkError as error:
                self._hide_values(error)
                raise
            finally:
                self._folders.close()
                if hasattr(self, "runner"):
                    self.runner.close()

    def open(self, spark: SparkSession | None) -> None:
        """Choose and start the engine."""
        config = self.config
        refuse_silent({"source.path": paths_of(config.source)[0], "sink.path": config.sink.path})
        choice = choose(config, spark)
        self.phases.note(f"engine: {choice.engine} ({choice.reason})")
        self.runner = runner = choice.runner(config, self.run_id, self.phases.phase, spark, self.phases.note)
        self.phases.watch = runner.watch
        self.learning = Learning(config, self.phases, runner, self.writes_table, self._folders)
        runner.keeps = self.keeps
        runner.told |= self.told
        if choice.engine != "polars":
            with self.phases.phase("session", "starting Spark"):
                runner.start()
        self.once = Once(config, runner, self.run_id, self.phases.note, self.force, self.recount, self.fits)

    def look_back(self, model: PipelineModel | None = None) -> RunReport | None:
        """Find the table, and the report of the run that did this one's work; where none did, prepare to do it."""
        with self.phases.phase("plan", "looking at the target"):
            past = self.once.look_back(*([] if model is None else [model.sha256]))
        if past is not None:
            return self._already_done(past)
        try:
            self.prepare()
        except (DataError, ShardError) as error:
            self.once.fail_early(error, self.phases.elapsed)
            raise
        return None

    def prepare(self) -> None:
        """Find the source and make the plan, and report every mistake that can be found before data is read."""
        runner = self.runner
        self.with_what_can_be_read(self._read_schema)
        if self.writes_table:
            vaults.check(runner.config, self.plan.steps, runner.identity, self.phases.note)
            check_audit(self.config, self.plan.output_schema)
            check_hiding(self.config, self.plan.output_schema)
            runner.sink.check(runner.target, runner.config.sink, runner.stored)
        if self.config.refit == "update" and self.config.sink.mode == "append":
            refuse_exact(self.plan)
        refusal = why_not_writable(runner.model_path.rpartition("/")[0])
        if refusal:
            raise ModelError(f"model.path: {runner.model_path} cannot be written ({refusal})")

    def recorded(self, work: Callable[[], RunReport]) -> RunReport:
        """The report of the work, which is marked while it lasts and in the ledger then, whatever becomes of it."""
        try:
            self.once.begin()
            return self.once.finish(self.with_what_can_be_read(work))
        except BaseException as error:
            self._hide_values(error)
            found = [*self.learning.findings, *getattr(error, "findings", ())]
            self.once.fail(error, self.phases.elapsed, ledger.findings_text(found, drift=self.holding.told))
            if isinstance(error, KeyboardInterrupt) and self.once.is_recorded:
                raise KeyboardInterrupt("the table is written") from None
            raise

    def _hide_values(self, error: BaseException) -> None:
        """Where a step keeps persons out, take what engines quote of rows from an error's message."""
        if any(step.hides_persons for step in self.config.steps):
            without_values(error)

    def recount(self) -> Mapping[str, Any]:
        """The counts of the rows that a killed run of this source and configuration wrote, by the ledger's columns."""
        self.with_what_can_be_read(self._read_schema)
        found = self.with_what_can_be_read(lambda: self.runner.recounted(PipelineModel.load(self.runner.model_path)))
        if found is None:
            return {}
        observed, counts = found
        written = observed["read"] - observed["dropped"] - observed["quarantined"]
        rows = {**observed, "written": written, "shards_quarantined": len(self.runner.left_out)}
        return counted(rows, counts)

    def with_what_can_be_read(self, work: Callable[[], Result]) -> Result:
        """The result of the work; repeated without shards that cannot be read, where the source allows it."""
        while True:
            try:
                return work()
            except ShardError as error:
                new = {path: cause for path, cause in error.shards.items() if path not in self.runner.left_out}
                if self.config.source.on_corrupt == "error" or not new:
                    raise
                if any(is_the_stores(path, cause) for path, cause in new.items()):
                    # It tells nothing of the shards: left out, they would be missing for good.
                    raise
                self.runner.left_out.update(new)
                for path, cause in new.items():
                    self.phases.note(f"left out: {path} {cause}")
                if work != self._read_schema:
                    self.with_what_can_be_read(self._read_schema)

    def _read_schema(self) -> None:
        is_fitted = self.config.refit == "never" and self.once.is_growing
        # Types that are not told take a pass.
        with self.phases.phase("plan", "reading the schema", reads=True):
            fits = self.once.fits and not is_fitted
            self.plan = self.config.pipeline().plan_for(self.runner.read_schema(), fits=fits)
            if self.writes_table:
                source, result = self.plan.schemas[0], self.plan.output_schema
                self.runner.identity = identity = Identity.of(self.config, source, result)
                kept = {name: result[name] for name in identity.kept(result)}
                self.runner.stored = stored_schema({**kept, **identity.columns}, self.config.sink.float_)

    def fit(self) -> PipelineModel:
        """Make the planned scans."""
        return self.learning.fit(self.plan)

    def fit_and_write(self) -> RunReport:
        """Fit and write; where rows of new files join others, by the model of those, or that updated by the new."""
        growth = self.once.growth if self.once.is_growing else None
        if growth is None:
            self.holding.begin(lambda: models.before(self.runner.model_path))
            model = self.fit()
            self.holding.hold(model)
            return self.write(model)
        if self.config.refit == "never":
            return self.write_only(
                self.learning.with_new_duplicates(self.plan, models.of_run(growth.before, self.runner.model_path))
            )
        before = models.before(self.runner.model_path)
        self.holding.begin(lambda: before)
        _, model = self.learning.updated(self.plan, before)
        self.runner.only(growth.new)
        self.with_what_can_be_read(self._read_schema)
        self.holding.hold_scanned(self.plan, self.runner)
        return self.write(model)

    def update(self) -> UpdateReport:
        """Fit from the states of each file, keep those that are new, and save the model."""
        before = models.before(self.runner.model_path)
        update, model = self.learning.updated(self.plan, before)
        models.save(model, self.runner.model_path)
        return update.report(model, before, self.phases.seconds())

    def write_only(self, model: PipelineModel) -> RunReport:
        """Write with a model that was fitted before. Rows kept while types were inferred are not read again."""
        self.holding.begin(lambda: model)
        self.runner.expect(self.holding.expected(self.plan), writes=True)
        self.holding.hold_scanned(self.plan, self.runner)
        return self.write(model)

    def write(self, model: PipelineModel) -> RunReport:
        """Write the quarantine and the table, then the model; undo all where one fails."""
        # A model that was fitted elsewhere may need columns that this source has not.
        model.check(self.plan.schemas[0])
        runner = self.runner
        try:
            model = self.once.stage(model)
            vaults.keep(model, runner)
            written = runner.write(model)
            shards = len(runner.left_out)
            check_sums(written.observed, written=written.commit.rows, aside=written.aside, shards=shards)
            models.save(model, self.runner.model_path)
        except BaseException as error:
            came_second = isinstance(error, AlreadyCommittedError | SourceOvertakenError)
            if runner.put_back():
                self.once.unstage(came_second=came_second)
            else:
                self.once.give_up()
            if came_second:
                self._withdraw()
            past = self.once.committed() if isinstance(error, AlreadyCommittedError) else None
            if past is None:
                raise
            return self._already_done(past)
        bias, unaudited = audited(self.config, runner, self.phases, written.commit.version)
        privacy = measured(self.config, runner, self.phases)
        report = RunReport.of(
            written,
            model,
            runner,
            name=self.config.name,
            stage_by_stage=self.plan.stage_by_stage,
            seconds=self.phases.seconds(),
        )
        findings = [*report.findings, *unaudited]
        report = replace(report, drift=self.holding.told, bias=bias, privacy=privacy, findings=findings)
        self.once.record(report)
        runner.sweep(written)
        self.publication.publish(report, model, self.plan.schemas[0], runner)
        return report

    def _withdraw(self) -> None:
        """Take this run's rows from the quarantine, where those of the run that came first stay."""
        self.runner.look_at_target()
        self.runner.withdraw(self.run_id)

    def _already_done(self, past: PastRun) -> RunReport:
        runner, told = self.runner, past.metadata
        by = f"run {told['run_id']}" if "run_id" in told else FORGOTTEN
        same = "holds every file of the source, the last" if self.once.growth else "was written"
        of = "" if self.once.growth else " from the same source and configuration"
        self.phases.note(
            f"already done: version {past.version} of {runner.target.path} {same} by {by}{of}; "
            "nothing was changed (--force does it again)"
        )
        return RunReport.done_before(
            past,
            name=self.config.name,
            engine=runner.name,
            table=runner.target.path,
            model=runner.model_path,
            passes=dict(runner.passes),
            seconds=self.phases.seconds(),
        )
