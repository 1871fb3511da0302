"""Incremental fit from states that are kept for each file: only files that are new or changed are scanned."""

from __future__ import annotations

import functools
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genspark.config import JobConfig
from genspark.errors import ModelError, PlanError
from genspark.job import states
from genspark.job.runners.base import Runner
from genspark.job.states import FileState, SourceFile, StatesTable
from genspark.pipeline.diff import ModelDiff
from genspark.pipeline.lineage import Origin, origin
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass
from genspark.pipeline.plan import Answer, Plan
from genspark.sources.formats import format_of
from genspark.statistics import Quantiles, State, Statistic
from genspark.statistics.base import grouped

MOVED = 5
"""The changes of the model that a summary names."""


@dataclass(frozen=True)
class UpdateReport:
    """The report of an update: of the source's `files`, some were `scanned`; the states of the others were `reused`.

    `gone` are files that had states and are no more in the source. `scans_of_all` counts, by level, the passes
    over all data that a fit makes for what depends on parameters, and `passes_to_infer` those that found the types
    of csv or json. `moved`: the changes from the model before, None without one.
    """

    name: str
    engine: str
    model: PipelineModel
    model_path: str
    statistics: str
    files: int
    scanned: int
    gone: int
    scans_of_all: Mapping[int, int]
    passes_to_infer: int
    moved: ModelDiff | None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def reused(self) -> int:
        """The number of files all of whose states were kept."""
        return self.files - self.scanned

    @property
    def summary(self) -> str:
        """Files and scans in a line."""
        count, levels = sum(self.scans_of_all.values()), ", ".join(str(level) for level in sorted(self.scans_of_all))
        several = "s" * (len(self.scans_of_all) > 1)
        scans = [f"{count} scan{'s' * (count > 1)} of all data for level{several} {levels}"] if count else []
        files = f"{self.scanned:,} of {self.files:,} files scanned, {self.gone:,} gone"
        inferred = ["all data read to infer its types, unless source.schema tells them"] if self.passes_to_infer else []
        return "; ".join([files, *scans, *inferred])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as `genspark fit --update --json` prints it."""
        return {
            "name": self.name,
            "engine": self.engine,
            "model": self.model_path,
            "model_sha256": self.model.sha256,
            "statistics": self.statistics,
            "files": {"scanned": self.scanned, "reused": self.reused, "gone": self.gone},
            "scans_of_all": {str(level): count for level, count in self.scans_of_all.items()},
            "passes_to_infer": self.passes_to_infer,
            "moved": None if self.moved is None else self.moved.to_json(),
            "seconds": dict(self.seconds),
        }

    def __str__(self) -> str:
        timed = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in self.seconds.items())
        lines = [
            f"update: {self.summary}",
            f"model saved: {self.model_path}",
            f"statistics: {self.statistics}",
            f"seconds: {timed}",
        ]
        if self.moved is not None:
            lines.append(f"against the model before: {self.moved.table(MOVED)}")
        return "\n".join(lines)


@dataclass
class Update:
    """An update in progress: the table as it was found, the files as they are now, and the files scanned."""

    config: JobConfig
    runner: Runner
    plan: Plan
    table: StatesTable
    files: tuple[SourceFile, ...]
    scanned: set[SourceFile] = field(default_factory=set)
    scans_of_all: Counter[int] = field(default_factory=Counter)
    _digests: set[str] = field(default_factory=set)
    _new: list[FileState] = field(default_factory=list)

    @classmethod
    def start(cls, config: JobConfig, runner: Runner, plan: Plan, before: PipelineModel | None) -> Update:
        """Find the table and the files. Raises PlanError or ModelError where the fit cannot go by files."""
        if config.privacy is not None:
            raise PlanError("privacy: the exact statistics of each file would be kept; fit without --update")
        refuse_exact(plan)
        now = _named(plan)
        if before is not None:
            remedy = "fit without --update, or set another model.path"
            _refuse_other(f"model.path: {runner.model_path} was fitted", before.input_schema, now, remedy)
        table = states.load(config.statistics_path)
        if table.input_schema is not None:
            remedy = "fit without --update, or remove that table to scan every file anew"
            _refuse_other(f"{states.PLACE}: {table.path} was made", table.input_schema, now, remedy)
        # By name, so that every engine merges the states in the same order.
        files = tuple(sorted(runner.files(), key=lambda file: file.uri))
        for one, next_one in itertools.pairwise(files):
            if one.uri == next_one.uri:
                raise PlanError(f"source.path: {one.uri} is named twice; name it once, or fit without --update")
        return cls(config, runner, plan, table, files)

    @property
    def gone(self) -> int:
        """The number of files that had states and are no longer in the source."""
        return len({file.uri for file in self.table.files()} - {file.uri for file in self.files})

    def report(self, model: PipelineModel, before: PipelineModel | None, seconds: Mapping[str, float]) -> UpdateReport:
        """The report of the update, once the model is saved; `before` is the model that it replaced."""
        return UpdateReport(
            name=self.config.name,
            engine=self.runner.name,
            model=model,
            model_path=self.runner.model_path,
            statistics=self.table.path,
            files=len(self.files),
            scanned=len(self.scanned),
            gone=self.gone,
            scans_of_all=dict(self.scans_of_all),
            passes_to_infer=self.runner.passes["schema"],
            moved=before.diff(model) if before else None,
            seconds=seconds,
        )

    def states(self, fit_pass: FitPass) -> Mapping[Statistic, State]:
        """The states of a pass: file by file for level 0, over all data for others."""
        if fit_pass.level > 0:
            self.scans_of_all[fit_pass.level] += 1
            return self.runner.states(fit_pass)
        origins = {s: origin(fit_pass, s, self.plan.schemas[0], _reading(self.config)) for s in fit_pass.statistics}
        self._digests |= {each.digest for each in origins.values()}
        kept = {s: self.table.states(each.digest) for s, each in origins.items()}
        new = self._scan(fit_pass, origins, kept)
        return {s: merged(s, list(self._in_order(kept[s], new[s]))) for s in fit_pass.statistics}

    def commit(self, model: PipelineModel) -> None:
        """Keep the states of this fit's statistics for the source's files, for the next update."""
        metadata = self.runner.metadata(model)
        states.replace(self.table, self.files, self._digests, self._new, _named(self.plan), metadata)

    def _scan(
        self,
        fit_pass: FitPass,
        origins: Mapping[Statistic, Origin],
        kept: Mapping[Statistic, Mapping[SourceFile, str]],
    ) -> dict[Statistic, dict[SourceFile, State]]:
        """Scan for the states that are not kept yet; files that lack the same statistics are scanned together."""
        states_by_file: dict[Statistic, dict[SourceFile, State]] = {statistic: {} for statistic in fit_pass.statistics}
        lacking: dict[tuple[Statistic, ...], list[SourceFile]] = defaultdict(list)
        for file in self.files:
            lacking[tuple(s for s in fit_pass.statistics if file not in kept[s])].append(file)
        for statistics, files in lacking.items():
            if not statistics:
                continue
            self.scanned.update(files)
            scanned = self.runner.states_by_file(replace(fit_pass, statistics=statistics), files)
            for file in files:
                for statistic in statistics:
                    state = scanned[file][statistic]
                    states_by_file[statistic][file] = state
                    self._new.append(FileState(file, origins[statistic], state))
        return states_by_file

    def _in_order(self, kept: Mapping[SourceFile, str], new: Mapping[SourceFile, State]) -> Iterator[State]:
        for file in self.files:
            yield new[file] if file in new else json.loads(kept[file])


def merged(statistic: Statistic, some: Sequence[State]) -> State:
    """Merge the states of files pairwise, then pairs of pairs, so that few rounding errors add up."""
    if not some:
        return grouped({}) if statistic.by else statistic.empty()
    while len(some) > 1:
        some = [functools.reduce(statistic.merge, some[i : i + 2]) for i in range(0, len(some), 2)]
    return some[0]


def refuse_exact(plan: Plan) -> None:
    """Raise PlanError where a step needs exact quantiles of level 0, which do not merge, or keeps no statistics."""
    for position, (step, answers) in enumerate(zip(plan.steps, plan.answers, strict=True)):
        for wanted in _scanned(answers):
            if not wanted.statistic.is_kept:
                raise PlanError(
                    f"steps[{position}].{step.kind}: what it learns from tells of single rows and is kept for no file; "
                    "set refit: never or full, or fit without --update"
                )
            if wanted.level == 0 and isinstance(wanted.statistic, Quantiles) and not wanted.statistic.rank_error:
                raise PlanError(
                    f"steps[{position}].{step.kind}.rank_error: exact quantiles of {wanted.statistic.column!r} do not "
                    "merge, so they cannot be kept for each file; set rank_error above 0, such as 0.005, or fit "
                    "without --update"
                )


def _scanned(answers: Collection[Answer]) -> Iterator[Answer]:
    for answer in answers:
        if answer.request:
            yield answer
        yield from _scanned(answer.needs)


def _refuse_other(what: str, before: Mapping[str, str], now: Mapping[str, str], remedy: str) -> None:
    """Raise ModelError naming every column of the source that is not what it was."""
    problems = [f"column {c!r} was {before[c]} and is {now[c]} now" for c in before if c in now and before[c] != now[c]]
    problems += [f"column {c!r} ({before[c]}) is gone" for c in before if c not in now]
    problems += [f"column {c!r} ({now[c]}) is new" for c in now if c not in before]
    if problems:
        raise ModelError(f"{what} of another schema than source.path has now: {'; '.join(problems)}; {remedy}")


def _named(plan: Plan) -> dict[str, str]:
    return {column: str(dtype) for column, dtype in plan.schemas[0].items()}


def _reading(config: JobConfig) -> dict[str, Any]:
    """Everything beside the file itself that decides how it is read, as plain JSON."""
    source = config.source
    reading = {"format": source.format, "options": dict(sorted(source.options.items())), "schema": source.schema_}
    return {**reading, "path": source.path} if format_of(source.format).tells_place else reading
