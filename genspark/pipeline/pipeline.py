"""Pipelines: `Pipeline([...]).fit(df)` gives a `PipelineModel`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genspark.columns.dtypes import Schema, is_hashable
from genspark.columns.expressions import HIDDEN, visible
from genspark.columns.names import check_names
from genspark.engines import engine_for
from genspark.engines.engine import Engine, key_columns
from genspark.errors import DataError, SchemaError, did_you_mean
from genspark.pipeline.model import PipelineModel
from genspark.pipeline.passes import FitPass, Opening, Stage, columns_read, fit_draws_of
from genspark.pipeline.personal import personal_anywhere, personal_columns
from genspark.pipeline.plan import UNFITTED, Plan, Request, Scan, requests_of
from genspark.pipeline.planner import check_beside, make_plan, solve
from genspark.pipeline.private import Private
from genspark.pipeline.profile import is_telling, profile_statistics
from genspark.statistics import State, Statistic
from genspark.statistics.noise import Limit
from genspark.steps.base import Step
from genspark.steps.learner import Learner, Parameters

OnScan = Callable[[int, int], None]
"""Called before each scan with its number, from 1, and how many there are."""

Limits = Mapping[int, Mapping[str, Limit]]
"""Number of a step -> column of its input -> within what it is held."""

RunPass = Callable[[FitPass], Mapping[Statistic, State]]
"""Makes one pass over the data."""


@dataclass(frozen=True)
class Pipeline:
    """Steps in order, and which rows they learn from.

    `key` names the columns that identify a row, for the steps that draw random numbers; empty, it
    is every column that holds plain values. `fit_on` keeps the statistics to rows where each of
    its columns has the given value, such as `{"split": "train"}`: a column of the input, or one
    that a `Split` step adds. `transform` applies to every row. `profile` names columns, or patterns of them, whose
    distribution the model is to keep as they are read, for `genspark drift`: their statistics join the first scan.
    `private` puts noise on all that is learnt, for differential privacy; a step that learns what has none is refused.
    """

    steps: Sequence[Step]
    key: Sequence[str] = ()
    fit_on: Mapping[str, Any] = field(default_factory=dict)
    profile: Sequence[str] = ()
    private: Private | None = None

    def plan(self, df: Any) -> Plan:
        """The scans that `fit` will make. Reads the schema of `df` and no data."""
        engine, frame = engine_for(df)
        return self.plan_for(_schema(frame, engine))

    def plan_for(self, schema: Schema, *, fits: bool = True) -> Plan:
        """The scans for data of this schema. Raises SchemaError with every mistake of the steps.

        What only a fit reads, beside the data, is not looked at where nothing `fits`.
        """
        check_names(schema)
        plan = make_plan(self.steps, schema, lambda bound: self._profile(bound, schema))
        if fits:
            check_beside(plan)
        self._fit_columns(plan)
        self._key(plan)
        if self.private is not None:
            self.private.check(plan)
            return replace(plan, noise=self.private.explain(plan))
        return plan

    def explain(self, df: Any) -> str:
        """The plan of `fit` as text, before anything runs: levels, scans, derivations, and why."""
        return self.plan(df).explain()

    def fit(self, df: Any, *, source: Mapping[str, Any] | None = None, on_scan: OnScan | None = None) -> PipelineModel:
        """Learn every step's parameters in the planned scans.

        Takes a Spark, Polars, pandas or PyArrow frame. Empty input and all-null columns give the
        parameters that each step's docstring names. Raises SchemaError before anything is read, and
        DataError where a step's rule for its input says so.
        """
        engine, frame = engine_for(df)
        schema = _schema(frame, engine)
        return self.fit_plan(self.plan_for(schema), lambda fit_pass: fit_pass.states(engine, frame), source, on_scan)

    def fit_plan(
        self,
        plan: Plan,
        run_pass: RunPass,
        source: Mapping[str, Any] | None = None,
        on_scan: OnScan | None = None,
    ) -> PipelineModel:
        """Learn every step's parameters by a plan of `plan_for`; `run_pass` makes each pass."""
        opening = self._opening(plan)
        fitting = _Fitting(plan, opening, run_pass, on_scan or _ignore, self.private)
        parameters = fitting.run()
        asked = plan.asked
        beside = {one for one in self._profile(plan.steps, plan.schemas[0]) if Request(one, 0) not in asked}
        return PipelineModel(
            steps=plan.steps,
            parameters=tuple(parameters),
            key=opening.key,
            input_schema={column: str(dtype) for column, dtype in plan.schemas[0].items()},
            states=tuple(
                (request.statistic, request.at, request.statistic.brief(state))
                for request, state in fitting.scanned.items()
                if request.statistic.is_kept
                and (request.statistic not in beside or is_telling(request.statistic, state))
            ),
            source=source or {},
            privacy=self.private.to_json(plan) if self.private else None,
        )

    def profile_pass(self, plan: Plan) -> FitPass:
        """The pass that reads the statistics of `profile` alone, for rows that nothing is learnt from."""
        return FitPass(self._opening(plan), (), self._profile(plan.steps, plan.schemas[0]))

    def _profile(self, steps: Sequence[Step], schema: Schema) -> tuple[Statistic, ...]:
        return profile_statistics(schema, self.profile, personal_columns(steps)) if self.profile else ()

    def states_of(
        self, plan: Plan, position: int, parameters: Sequence[Parameters], run_pass: RunPass
    ) -> dict[Statistic, State]:
        """The states that one step asks for, from a pass with the parameters that the steps before it have already."""
        answers, fitted = plan.answers[position], dict(enumerate(parameters))
        wanted = tuple(dict.fromkeys(requests_of(answers)))
        scan = next(scan for scan in plan.scans if set(wanted) & set(scan.requests))
        fit_pass, physical = _pass(self._opening(plan), plan, replace(scan, requests=wanted), fitted, {})
        states = run_pass(fit_pass)
        scanned = {request: states[statistic] for request, statistic in physical.items()}
        return solve(answers, scanned, fitted.__getitem__)

    def _opening(self, plan: Plan) -> Opening:
        adding = tuple(self._fit_columns(plan))
        draws = tuple(fit_draws_of(plan.steps))
        personal = personal_anywhere(plan.steps)
        return Opening(self._key(plan), draws, columns_read(plan.steps), adding, dict(self.fit_on), personal)

    def _key(self, plan: Plan) -> tuple[str, ...]:
        """The columns of the row's key, which draws hash; empty where no step draws by the key."""
        source, draws = plan.schemas[0], fit_draws_of(plan.steps)
        problems = [
            f"{column!r} is {source[column]}, which cannot be hashed; name another column"
            if column in source
            else f"{column!r} is made by a step, and columns are hashed as they were read; name one of the source"
            for column in dict.fromkeys(column for draw in draws for column in draw.over or ())
            if column not in source or not is_hashable(source[column])
        ]
        if problems:
            raise SchemaError(problems)
        is_drawn_by_key = any(draw.over is None for draw in draws)
        key = key_columns(self.key, source) if self.key or is_drawn_by_key else ()
        return key if is_drawn_by_key else ()

    def _fit_columns(self, plan: Plan) -> list[Step]:
        """The steps that add the columns of `fit_on`, checked: they must learn nothing themselves."""
        source, adding = plan.schemas[0], []
        for column in self.fit_on:
            if column in source:
                continue
            makers = [step for step in plan.steps if column in step.writes()]
            if not makers:
                raise SchemaError(f"fit_on: {column!r} is not a column{did_you_mean(column, plan.output_schema)}")
            if not makers[0].draws() or makers[0].learner():
                raise SchemaError(
                    f"fit_on: {column!r} is made by {makers[0].told_as}, which is not known before fitting; "
                    "use a column of the source or of a split step"
                )
            adding.append(makers[0])
        return adding


@dataclass
class _Fitting:
    """Runs the scans of a plan level by level; after each level fits every step whose answers are known."""

    plan: Plan
    opening: Opening
    run_pass: RunPass
    on_scan: OnScan
    private: Private | None = None
    fitted: dict[int, Parameters] = field(default_factory=dict)
    scanned: dict[Request, State] = field(default_factory=dict)

    def run(self) -> list[Parameters]:
        """Run all scans and return the parameters of every step."""
        try:
            self._scan()
        except DataError as error:
            error.findings = [*self._findings(), *error.findings]
            raise
        return [self.fitted[position] for position in range(len(self.plan.steps))]

    def _findings(self) -> Iterator[str]:
        """What the steps that are fitted found, in their order."""
        for position, parameters in sorted(self.fitted.items()):
            yield from self.plan.steps[position].findings(parameters)

    def _scan(self) -> None:
        for number, scan in enumerate(self.plan.scans, start=1):
            self._fit_steps(scan.level - 1)
            if scan.refines is None:
                self.on_scan(number, len(self.plan.scans))
                self.scanned.update(self._states(scan))
            else:
                self._refine(scan, scan.refines, number)
        self._fit_steps(max((scan.level for scan in self.plan.scans), default=UNFITTED))

    def _fit_steps(self, done: int) -> None:
        """Fit the steps that need no scan beyond this level."""
        for position, (step, answers) in enumerate(zip(self.plan.steps, self.plan.answers, strict=True)):
            is_due = position not in self.fitted and all(answer.level <= done for answer in answers)
            if is_due:
                states = solve(answers, self.scanned, self.fitted.__getitem__)
                learner = self._learner(step)
                self.fitted[position] = learner.parameters(states, self.plan.schemas[position]) if learner else {}

    def _learner(self, step: Step) -> Learner | None:
        learner = step.learner()
        return learner and learner.discreet(self.opening.personal)

    def _refine(self, scan: Scan, position: int, number: int) -> None:
        learner, learnt = self._learner(self.plan.steps[position]), self.fitted[position]
        assert learner is not None
        wanted = tuple(Request(statistic, position) for statistic in learner.refinement(learnt))
        if not wanted:
            return
        self.on_scan(number, len(self.plan.scans))
        states = self._states(replace(scan, requests=wanted))
        of_statistics = {request.statistic: state for request, state in states.items()}
        self.fitted[position] = learner.refined(learnt, of_statistics)

    def _states(self, scan: Scan) -> dict[Request, State]:
        limits = self._limits(scan)
        fit_pass, physical = _pass(self.opening, self.plan, scan, self.fitted, limits)
        states = self.run_pass(fit_pass)
        found = {request: states[statistic] for request, statistic in physical.items()}
        if self.private is None:
            return found
        of_requests = {request: limits[request.at][request.statistic.column] for request in found}
        return self.private.noisy(self.plan, found, of_requests)

    def _limits(self, scan: Scan) -> Limits:
        if self.private is None:
            return {}
        asked: dict[int, list[Statistic]] = {}
        for request in scan.requests:
            asked.setdefault(request.at, []).append(request.statistic)
        applied = {position: self.fitted[position] for position in scan.steps}
        return {at: self.private.limits(self.plan, at, some, applied) for at, some in asked.items()}


def _pass(
    opening: Opening, plan: Plan, scan: Scan, fitted: Mapping[int, Parameters], limits: Limits
) -> tuple[FitPass, dict[Request, Statistic]]:
    """One pass: the scan's steps, and a copy of each requested column as its step sees it, within its limit.

    Beside it, the statistic that is really computed for each request: of the copies.
    """
    physical: dict[Request, Statistic] = {}
    copies: dict[tuple[int, str], str] = {}
    stages = []
    for position in range(len(plan.steps) + 1):
        here = [request for request in scan.requests if request.at == position]
        changed_later = {c for i in scan.steps if i >= position for c in plan.steps[i].writes()}
        seen = dict.fromkeys(c for request in here for c in (*request.statistic.columns, *request.statistic.by))
        held = limits.get(position, {})
        copied = {c: f"{HIDDEN}at_{position}_{c}" for c in seen if c in changed_later or c in held}
        copies.update({(position, column): copy for column, copy in copied.items()})
        for request in here:
            statistic = request.statistic
            columns, by = ([copies.get((position, c), c) for c in some] for some in (statistic.columns, statistic.by))
            physical[request] = statistic.on(columns, by)
        is_applied = position in scan.steps
        if copied or is_applied:
            step, parameters = (plan.steps[position], fitted[position]) if is_applied else (None, None)
            stages.append(Stage(copied, step, parameters, held))
    return FitPass(opening, tuple(stages), tuple(dict.fromkeys(physical.values())), scan.level), physical


def _ignore(_number: int, _of: int) -> None:
    """Do nothing before a scan."""


def _schema(frame: Any, engine: Engine) -> Schema:
    schema = frame.collect_schema()
    engine.check_names(frame)
    return {column: schema[column] for column in visible(frame)}
