"""Steps -> levels -> scans: which statistics are read together, decided before any data is touched.

A statistic that a step wants is first carried backwards through the steps before it:

    through a step that leaves its columns and rows alone       unchanged
    through a step that can answer it (`Learner.rewrite`)       as other statistics of that step's input
    through a step that learns nothing (log, cast)              scanned after it, in the same pass
    through anything else (a row filter, a clip)                scanned after it, one level later

What remains are scans: requests at a place in the pipeline, of the level at which every step they
depend on is fitted. All the requests of a level that see the same rows are one pass over the data.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from genspark.columns.dtypes import Schema
from genspark.errors import PlanError, SchemaError
from genspark.pipeline.plan import UNFITTED, Answer, Plan, Request, Scan, leaves
from genspark.statistics import Derivation, State, Statistic
from genspark.steps.base import Step


def bind(steps: Sequence[Step], schema: Schema) -> tuple[tuple[Step, ...], tuple[Schema, ...]]:
    """Bind the steps in order: the bound steps, and the schema before each and after the last.

    Raises SchemaError with every mistake of every step, each with its place.
    """
    _refuse_twins(steps)
    done: list[Step] = []
    schemas: list[Schema] = [dict(schema)]
    problems: list[str] = []
    for position, step in enumerate(steps):
        try:
            done.append(step.bind(schemas[-1]))
            _refuse_to_write_deferred(done)
        except SchemaError as error:
            problems += [f"steps[{position}].{step.kind}.{problem}" for problem in error.problems]
            done.append(step)
            schemas.append(schemas[-1])
        else:
            schemas.append(done[-1].output_schema(schemas[-1]))
    if problems:
        raise SchemaError(problems)
    return tuple(done), tuple(schemas)


def check_beside(plan: Plan) -> None:
    """Raise SchemaError with every mistake in what the steps read beside the data, each with its place."""
    problems: list[str] = []
    for position, (step, schema) in enumerate(zip(plan.steps, plan.schemas, strict=False)):
        try:
            step.check_beside(schema)
        except SchemaError as error:
            problems += [f"steps[{position}].{step.kind}.{problem}" for problem in error.problems]
    if problems:
        raise SchemaError(problems)


Beside = Callable[[Sequence[Step]], Sequence[Statistic]]


def make_plan(steps: Sequence[Step], schema: Schema, beside: Beside = lambda _: ()) -> Plan:
    """The fewest scans that fit the steps on data of this schema.

    `beside` gives, for the bound steps, statistics that are read of the data as it is, too.
    """
    bound, schemas = bind(steps, schema)
    planner = _Planner(bound)
    answers = tuple(planner.answers_for(position) for position in range(len(bound)))
    asked = [Answer(statistic, 0, 0, request=Request(statistic, 0)) for statistic in beside(bound)]
    return Plan(bound, schemas, answers, planner.scans([asked, *answers]))


def answers_at_end(steps: Sequence[Step], wanted: Sequence[Statistic]) -> list[Answer]:
    """The ways to statistics of what bound steps make, from scans as early as they can be."""
    planner = _Planner(steps)
    for position in range(len(steps)):
        planner.answers_for(position)
    return [planner.answer(statistic, len(steps)) for statistic in wanted]


class _Planner:
    """Determines the level of every step in order, from the levels of those before it."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.learners = [step.learner() for step in steps]
        self.fitted_at: list[int] = []

    def answers_for(self, position: int) -> tuple[Answer, ...]:
        learner = self.learners[position]
        if learner is None:
            self.fitted_at.append(UNFITTED)
            return ()
        answers = tuple(self.answer(statistic, position) for statistic in learner.statistics())
        first = max((answer.level for answer in answers), default=UNFITTED)
        self.fitted_at.append(first + learner.rounds)
        return answers

    def answer(self, wanted: Statistic, at: int) -> Answer:
        """The way to a statistic of what step `at` receives, once the answers of the steps before it are known."""
        columns = frozenset(wanted.columns) | frozenset(wanted.by)
        place = at
        while place > 0:
            step = self.steps[place - 1]
            if step.filters:
                break
            if step.writes() & columns:
                learner = self.learners[place - 1]
                derivation = learner.rewrite(wanted) if learner else None
                if derivation is None:
                    break
                return self._derived(wanted, at, place - 1, derivation)
            place -= 1
        # Scanned as early as its rows and columns are what they are at `at`, so that twins meet.
        needs = self._lineage(columns, place)
        level = 1 + max((self.fitted_at[i] for i in needs), default=UNFITTED)
        return Answer(wanted, at, level, request=Request(wanted, place))

    def _derived(self, wanted: Statistic, at: int, step: int, derivation: Derivation) -> Answer:
        needs = tuple(self.answer(need, step) for need in derivation.needs)
        level = max([self.fitted_at[step], *(need.level for need in needs)])
        return Answer(wanted, at, level, derivation=derivation, step=step, needs=needs)

    def _lineage(self, columns: frozenset[str], at: int) -> tuple[int, ...]:
        """The steps before `at` that decide these columns' values or which rows there are."""
        needed = set(columns)
        lineage = []
        for position in reversed(range(at)):
            step = self.steps[position]
            if step.filters or step.writes() & needed:
                needed |= step.reads()
                lineage.append(position)
        return tuple(reversed(lineage))

    def scans(self, answers: Sequence[Sequence[Answer]]) -> tuple[Scan, ...]:
        """The scans that make all requests: those of one level and the same rows share a scan."""
        groups: dict[tuple[int, tuple[int, ...], tuple[str, ...], int], dict[Request, None]] = {}
        changing = frozenset(column for step in self.steps for column in step.writes())
        for answer in leaves(itertools.chain.from_iterable(answers)):
            request = answer.request
            assert request is not None
            filters = tuple(i for i in range(request.at) if self.steps[i].filters)
            by = request.statistic.by
            # Groups by a column that some step changes are other groups at another place.
            place = request.at if changing & frozenset(by) else UNFITTED
            groups.setdefault((answer.level, filters, by, place), {})[request] = None
        scans: list[Scan] = []
        for (level, filters, by, _), requests in sorted(groups.items(), key=lambda item: item[0]):
            needed = {
                step
                for request in requests
                for step in self._lineage(frozenset(request.statistic.columns) | frozenset(by), request.at)
            }
            why = self._why(scans, level, filters, by, needed)
            scans.append(Scan(level, tuple(requests), tuple(sorted(needed)), filters, why))
        scans += [scan for position in range(len(self.steps)) for scan in self._refining(position)]
        return tuple(sorted(scans, key=lambda scan: scan.level))

    def _refining(self, position: int) -> list[Scan]:
        """The scans of a step's refinement rounds, one after another."""
        step, learner = self.steps[position], self.learners[position]
        if learner is None:
            return []
        first = self.fitted_at[position] - learner.rounds
        columns = step.reads() | {draw.column for draw in (*step.draws(), *learner.draws())}
        lineage, filters = self._lineage(columns, position), tuple(i for i in range(position) if self.steps[i].filters)
        return [
            Scan(first + n, (), lineage, filters, f"{step.told_as}: round {n} of {learner.rounds}, if needed", position)
            for n in range(1, learner.rounds + 1)
        ]

    def _why(
        self, before: Sequence[Scan], level: int, filters: tuple[int, ...], by: tuple[str, ...], needed: set[int]
    ) -> str:
        beside = [scan for scan in before if scan.level == level]
        if beside and beside[-1].filters != filters:
            names = ", ".join(self.steps[i].told_as for i in filters) or "no filter"
            return f"apart from the scan before it, which sees other rows: here those after {names}"
        if beside:
            return f"apart from the scan before it: its rows are grouped by {', '.join(by)}"
        if level == 0:
            return "the first pass, on the data as read"
        blockers = [i for i in needed if self.fitted_at[i] == level - 1]
        filters_only = [i for i in blockers if self.steps[i].filters]
        names = ", ".join(self.steps[i].told_as for i in sorted(filters_only or blockers))
        reason = "takes rows out by what it learns" if filters_only else "changes values as no state can follow"
        return f"cannot join the level before: {names} {reason}"


def solve(
    answers: Sequence[Answer],
    scanned: Mapping[Request, State],
    parameters: Callable[[int], Mapping[str, Any]],
) -> dict[Statistic, State]:
    """The state of every answer, from the scans' states and the fitted parameters of earlier steps."""

    def state(answer: Answer) -> State:
        if answer.request:
            return scanned[answer.request]
        assert answer.derivation is not None
        return answer.derivation.derive([state(need) for need in answer.needs], parameters(answer.step))

    return {answer.statistic: state(answer) for answer in answers}


def _refuse_to_write_deferred(steps: Sequence[Step]) -> None:
    """Raise SchemaError where the last step writes what one before left to the table's readers."""
    *before, last = steps
    for step in before:
        written = sorted(step.deferred() & last.writes())
        if written:
            raise SchemaError(
                f"{written[0]!r} is left to the table's readers by {step.told_as}, which would scale other values than "
                f"it learnt from; put {step.told_as} after this step, or take `defer` away"
            )


def _refuse_twins(steps: Sequence[Step]) -> None:
    seen: dict[str, int] = {}
    problems = []
    for position, step in enumerate(steps):
        if step.name is not None and step.name in seen:
            problems.append(
                f"steps[{position}].{step.kind}.name: {step.name!r} is already the name of "
                f"steps[{seen[step.name]}]; give it another"
            )
        if step.name is not None:
            seen[step.name] = position
    if problems:
        raise PlanError("; ".join(problems))
