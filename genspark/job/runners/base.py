"""The contract of an engine for a whole job: find the source, make the planned passes, write, undo."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from genspark.columns.dtypes import Schema
from genspark.config import JobConfig, Sink
from genspark.job.deferred import deferred_properties
from genspark.job.identity import NO_IDENTITY, Identity
from genspark.job.progress import Progress
from genspark.job.quarantine import RUN
from genspark.job.snapshot import Snapshot
from genspark.job.states import SourceFile
from genspark.job.sums import check_sums
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.sinks import sink as sinks
from genspark.sinks.files.layout import layout_property, log_bounds
from genspark.sinks.formats import sink_of
from genspark.sinks.table import Commit, Table, partitioning
from genspark.statistics import State, Statistic
from genspark.steps.rejection import StepCount
from genspark.steps.split import Split
from genspark.storage.files import storage_path
from genspark.storage.object_stores import delta_options
from genspark.version import VERSION

Phase = Callable[[str, str], contextlib.AbstractContextManager[None]]
"""(phase, what is shown): a block of work whose time is taken."""

Watch = Callable[[Progress], contextlib.AbstractContextManager[None]]
"""Reports how far a phase is while the block runs."""


@dataclass(frozen=True)
class Written:
    """The result of a write: its commits, the steps' counts, and in `observed` the rows read, dropped and quarantined.

    `aside_commit` is the quarantine's, None where no row got there; `counts` is for the report.
    """

    commit: Commit
    observed: Mapping[str, int]
    aside_commit: Commit | None
    counts: list[StepCount]

    @property
    def aside(self) -> int:
        """The rows that the quarantine's commit added."""
        return self.aside_commit.rows if self.aside_commit else 0


@dataclass
class Runner(ABC):
    """Runs one job on one engine. Methods are called in their order, and fill in the attributes.

    `passes` counts the passes over the data by purpose. `left_out` are shards that cannot be read, each
    with the cause: the source is taken without them, and the quarantine notes them. `keeps`: whether parsed rows
    may be kept for later passes. `stored` are the columns of the table that is to be written, `identity` says which
    of them are not the steps'. `told` is what the job tells in its commits beside what every run does, and
    `before_commit` is called before the first of them. Every method raises a GensparkError for what the user can mend.
    """

    config: JobConfig
    run_id: str
    phase: Phase
    note: Callable[[str], None]
    passes: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, str] = field(default_factory=dict)
    keeps: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    before_commit: Callable[[], None] = lambda: None
    sink: sinks.Sink[Any] = field(init=False)
    aside_sink: sinks.Sink[Any] = field(init=False)
    identity: Identity = NO_IDENTITY
    stored: Schema = field(default_factory=dict)
    target: Table = field(init=False)
    aside: Table = field(init=False)

    name: ClassVar[str]

    @abstractmethod
    def start(self) -> None:
        """Prepare what passes need, such as a session."""

    @abstractmethod
    def choose_sinks(self) -> None:
        """Set `sink` and `aside_sink`."""

    def look_at_target(self) -> None:
        """Find the table and the quarantine, and set `target` and `aside`."""
        self.choose_sinks()
        self.target = self.sink.find(self.config.sink.path)
        self.aside = self.aside_sink.find(self.config.quarantine_path)

    @abstractmethod
    def located(self, path: str) -> str:
        """The full form of a path of the job, as `look_at_target` gives it to its tables."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """List the source as it is now, with shards that cannot be read; what is read from then on is that."""

    @abstractmethod
    def source_files(self) -> Sequence[SourceFile]:
        """The files that `snapshot` listed."""

    @abstractmethod
    def only(self, files: Sequence[SourceFile]) -> None:
        """Take the source for these files alone, of those that `snapshot` listed."""

    @abstractmethod
    def read_schema(self) -> Schema:
        """Find the shards, without those left out, and return the schema of their rows without hidden columns."""

    @property
    @abstractmethod
    def source(self) -> Mapping[str, Any]:
        """The description of the source, for the model and the commit."""

    @property
    def known_files(self) -> Sequence[SourceFile]:
        """The files of the source, where they were listed; none where the engine would have to look for them."""
        return ()

    @property
    @abstractmethod
    def model_path(self) -> str:
        """The full path of the model."""

    def expect(self, scans: Sequence[Collection[str]], *, writes: bool) -> None:
        """Announce the passes over all rows, before the first of them: scans of these columns, and a write of all."""
        return

    def close(self) -> None:
        """Remove what was kept between passes."""
        return

    @abstractmethod
    def states(self, fit_pass: FitPass) -> Mapping[Statistic, State]:
        """Make one pass of a fit."""

    @abstractmethod
    def files(self) -> Sequence[SourceFile]:
        """The files of the source. Raises PlanError where the engine cannot tell which file a row is from."""

    @abstractmethod
    def states_by_file(
        self, fit_pass: FitPass, files: Sequence[SourceFile]
    ) -> Mapping[SourceFile, Mapping[Statistic, State]]:
        """Make one pass of a fit over these files, with states for each. Exact quantiles are not supported."""

    @abstractmethod
    def write(self, model: PipelineModel) -> Written:
        """Write the quarantine and the table. After an error, `put_back` undoes what was committed."""

    def put_back(self) -> bool:
        """Leave table and quarantine as they were found, as far as that can be done; returns whether it could be."""
        is_back = True
        for sink, table in ((self.sink, self.target), (self.aside_sink, self.aside)):
            try:
                sink.put_back(table, self.run_id)
            except Exception:  # whatever it is, the error that the run failed with is the one to tell
                is_back = False
        return is_back

    def sweep(self, written: Written) -> None:
        """Delete the run's leftovers, once it will not be put back."""
        # What stays is in nobody's way: the next run, or VACUUM, takes it.
        with contextlib.suppress(Exception):
            self.sink.sweep(self.target, self.run_id, written.commit)
            if written.aside_commit:
                self.aside_sink.sweep(self.aside, self.run_id, written.aside_commit)

    def withdraw(self, run_id: str) -> None:
        """Take away the quarantine's rows of a run that was killed before it wrote the table."""
        import deltalake

        if self.aside.version is not None:
            path = storage_path(self.aside.path)
            table = deltalake.DeltaTable(path, storage_options=delta_options(path))
            table.delete(f"{RUN} = '{run_id}'")

    def recounted(self, model: PipelineModel) -> tuple[Mapping[str, int], list[StepCount]] | None:
        """What a write of this model would observe and count, from a pass that writes nothing.

        None where commits tell it.
        """
        return None

    def reaches_stage(self, where: str) -> bool:
        """Whether every process that works on the rows reaches the folder of `source.stage`."""
        return True

    def watch(self, progress: Progress) -> contextlib.AbstractContextManager[None]:
        """Report how far a phase is while the block runs, in rows or in the engine's tasks."""
        return contextlib.nullcontext()

    def section(self, model: PipelineModel) -> Sink:
        """The section of the sink, with every column that readers filter by among its statistics."""
        sink = self.config.sink
        splits = [step.column for step in model.steps if isinstance(step, Split)]
        telling = dict.fromkeys([*self.config.key, *self.config.fit_on, *splits, *sink.statistics])
        return sink.model_copy(update={"statistics": tuple(telling)})

    def table_properties(self, model: PipelineModel) -> dict[str, str]:
        """The properties of the table: those that the steps set, and its layout."""
        section = self.section(model)
        fitted = zip(model.steps, model.parameters, strict=True)
        of_steps = {name: value for step, found in fitted for name, value in step.table_properties(found).items()}
        by = partitioning(self.target, section)
        bounds = log_bounds(section, by, self.stored) if sink_of(section.format).has_log else {}
        of_steps |= deferred_properties(self.target, section, of_steps)
        return {**of_steps, **layout_property(section, by, self.identity.key), **bounds}

    def metadata(self, model: PipelineModel) -> dict[str, Any]:
        """The metadata of a commit: its run, job, configuration, model and source."""
        return {
            "genspark": VERSION,
            "run_id": self.run_id,
            "job": self.config.name,
            "config_sha256": self.config.config_hash,
            "model_sha256": model.sha256,
            "source": self.source,
            **self.told,
        }

    def tell_rows(self, observed: Mapping[str, int], counts: Sequence[StepCount], written: int, aside: int) -> None:
        """Let the commits tell these counts, once they are checked: for engines that know them before they commit."""
        check_sums(observed, written=written, aside=aside, shards=len(self.left_out))
        self.told["rows"] = {**observed, "written": written, "shards_quarantined": len(self.left_out)}
        self.told["counts"] = [list(count) for count in counts]
