"""The rows of a job held against others before they are written: which, how far they moved, and when the run stops.

What both are held by are the states of a model; rows that nothing is learnt from are scanned once for them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from genspark.config import JobConfig
from genspark.config.trust import MODEL
from genspark.engines import engine_for
from genspark.errors import ConfigError, DataError, GensparkError
from genspark.job.phases import Phases
from genspark.job.recorded import recorded_job
from genspark.job.runners.base import Runner
from genspark.pipeline.drift import profile_drift, schema_drift
from genspark.pipeline.limits import drift_lines
from genspark.pipeline.model import PipelineModel, is_file_of_model
from genspark.pipeline.plan import Plan
from genspark.pipeline.profile import Profile, kept_profile, profile_by_scan, profile_statistics, scanned_profile
from genspark.tables.rows import frame_of
from genspark.tables.snapshot import read_snapshot


@dataclass
class Holding:
    """How far a run's rows are from others, in `told` once they were held against each other.

    A job without a section `drift` does nothing here.
    """

    config: JobConfig
    phases: Phases
    old: Profile | None = None
    told: Mapping[str, Any] | None = None

    def begin(self, before: Callable[[], PipelineModel | None]) -> None:
        """Take what the rows are held against; `before` gives the job's own model of the run before.

        Raises ModelError, ConfigError or SourceError where it is not there or tells nothing.
        """
        section = self.config.drift
        if section is None:
            return
        if section.against == MODEL:
            model = before()
            found = None if model is None else kept_profile(model)
            if found is None or not found.states:
                self.phases.note("drift: no earlier run kept a profile; the next run is held against this one's")
                return
            self.old = found
        else:
            self.old = self._profile_at(section.against)
        if not self.old.states:
            raise ConfigError(
                [
                    f"drift.against: {section.against} keeps no quantiles or counts of any column; run its job once "
                    "with a section `drift`, or name a table of rows as they are read"
                ]
            )

    def _profile_at(self, path: str) -> Profile:
        if is_file_of_model(path):
            return kept_profile(PipelineModel.load(path))
        model = None
        with contextlib.suppress(GensparkError):
            _, model = recorded_job(path)
        if model is not None:
            return kept_profile(model)
        with self.phases.phase("drift", f"scanning {path}"):
            return _scanned(path, self.config)

    def expected(self, plan: Plan) -> list[frozenset[str]]:
        """The columns of the scan that rows take which nothing is learnt from."""
        pipeline = self.config.pipeline()
        return [frozenset(s.column for s in pipeline.profile_pass(plan).statistics)] if self.old else []

    def hold_scanned(self, plan: Plan, runner: Runner) -> None:
        """Hold the rows against the others by a scan of their own."""
        if self.old is None:
            return
        runner.passes["drift"] += 1
        with self.phases.phase("drift", "scanning for drift"):
            states = runner.states(self.config.pipeline().profile_pass(plan))
        self._hold(scanned_profile(plan.schemas[0], states))

    def hold(self, model: PipelineModel) -> None:
        """Hold the rows that a model was fitted on against the others. Raises DataError where they moved too far."""
        if self.old is not None:
            self._hold(kept_profile(model))

    def _hold(self, new: Profile) -> None:
        section = self.config.drift
        assert section is not None
        assert self.old is not None
        columns = new.columns
        asked = new.states if section.columns else columns
        new = Profile({c: columns[c] for c in asked}, new.states, new.lacking)
        limits = section.limits()
        told = profile_drift(self.old, new, limits)
        # Columns that come and go are told of all, whichever are held.
        self.told = {"against": section.against, **told, "schema": schema_drift(self.old.columns, columns)}
        for line in drift_lines(self.told):
            self.phases.note(f"drift: {line}")
        stops = limits.stopped_by(self.told)
        if stops:
            raise DataError(f"drift.stop: held against {section.against}, {stops}; nothing was written")


def _scanned(path: str, config: JobConfig) -> Profile:
    """The profile of a table without a model, by one scan of it on Polars."""
    engine, wrapped = engine_for(frame_of(read_snapshot(path)))
    schema: dict[str, nw.dtypes.DType] = dict(wrapped.collect_schema())
    statistics = profile_statistics(schema, [c for c in (config.drift.columns if config.drift else ()) if c in schema])
    return profile_by_scan(engine, wrapped, statistics)
