"""What a job learns of its rows: the fit, by all of them or by the states of each file, and duplicates of new ones."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from genspark.config import JobConfig
from genspark.job import duplicates
from genspark.job.phases import Phases
from genspark.job.runners.base import Runner
from genspark.job.spending import spend_on_fit
from genspark.job.update import Update
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.pipeline.pipeline import RunPass
from genspark.pipeline.plan import Plan
from genspark.statistics import State, Statistic
from genspark.storage.spill import Spill, into


@dataclass
class Learning:
    """What an attempt learns, by the plan as it is then: another plan is made where shards cannot be read.

    `folders` keep what was learnt of every row until they are closed; `findings` are those of the last fit.
    """

    config: JobConfig
    phases: Phases
    runner: Runner
    writes_table: bool
    folders: contextlib.ExitStack
    findings: list[str] = field(default_factory=list)
    _has_spent: bool = False

    def fit(self, plan: Plan, run_pass: RunPass | None = None) -> PipelineModel:
        """Make the planned scans: with the runner, unless another way is given."""
        scans, numbers = len(plan.scans), itertools.count(1)
        if run_pass is None:
            self.runner.expect(plan.columns_scanned, writes=self.writes_table)
        self._spend(plan)
        run_pass = run_pass or self.runner.states

        def states(fit_pass: FitPass) -> Mapping[Statistic, State]:
            return self._scan(f"fitting: scan {next(numbers)} of {scans}", run_pass, fit_pass)

        with into(self._spill(plan)):
            model = self.config.pipeline().fit_plan(plan, states, self.runner.source)
        self.findings = model.findings()
        return model

    def updated(self, plan: Plan, before: PipelineModel | None) -> tuple[Update, PipelineModel]:
        """The model from the states of each file, of which those that are new are kept."""
        with self.phases.phase("plan", "comparing files with their statistics"):
            update = Update.start(self.config, self.runner, plan, before)
        model = self.fit(plan, update.states)
        # The states first: they are true of their files, whatever becomes of the model.
        with self.phases.phase("write", "writing the statistics"):
            update.commit(model)
        return update, model

    def with_new_duplicates(self, plan: Plan, model: PipelineModel) -> PipelineModel:
        """The model of earlier rows, with the duplicates among new rows, and of those in the table, in their place."""
        with into(self._spill(plan)):
            scan = functools.partial(self._scan, "looking for duplicates", self.runner.states)
            return duplicates.learnt_again(model, self.config, plan, scan)

    def _spend(self, plan: Plan) -> None:
        """Spend of the table's budget: once, however often the fit begins anew."""
        if not self._has_spent:
            spend_on_fit(self.config, self.runner, plan, self.phases.note, finds=not self.writes_table)
            self._has_spent = True

    def _scan(self, shown: str, run_pass: RunPass, fit_pass: FitPass) -> Mapping[Statistic, State]:
        self.runner.passes["fit"] += 1
        with self.phases.phase("fit", shown):
            return run_pass(fit_pass)

    def _spill(self, plan: Plan) -> Spill | None:
        folder = duplicates.scratch(plan, self.config, self.runner)
        return Spill(str(self.folders.enter_context(folder)), self.config.sink.mode == "append") if folder else None
