"""Plans: the scans that fit a pipeline's steps, and how each statistic follows from them, as data and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from genspark.columns.dtypes import Schema
from genspark.columns.expressions import is_hidden
from genspark.statistics import Derivation, Statistic
from genspark.steps.base import Step

UNFITTED = -1
"""The level of what needs no scan."""


@dataclass(frozen=True)
class Request:
    """A statistic to be scanned of the frame that step number `at` receives."""

    statistic: Statistic
    at: int


@dataclass(frozen=True)
class Answer:
    """The way to a wanted statistic: scanned as a request, or derived from other answers.

    `level` is the level of the last scan it waits for. `step` is the step whose fitted parameters a
    derivation uses.
    """

    statistic: Statistic
    at: int
    level: int
    request: Request | None = None
    derivation: Derivation | None = None
    step: int = UNFITTED
    needs: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Scan:
    """One pass over the data: requests, the fitted steps it applies on the way, and why it is its own.

    A scan that `refines` a step has no requests yet: what the step asks depends on what it learnt before.
    """

    level: int
    requests: tuple[Request, ...]
    steps: tuple[int, ...]
    filters: tuple[int, ...]
    why: str
    refines: int | None = None


@dataclass(frozen=True)
class Plan:
    """The scans that fit these steps, and how each step's statistics follow from them."""

    steps: tuple[Step, ...]
    schemas: tuple[Schema, ...]
    answers: tuple[tuple[Answer, ...], ...]
    scans: tuple[Scan, ...]
    noise: str = ""
    """What is put on all that is learnt, as a sentence."""

    @property
    def output_schema(self) -> Schema:
        """The columns after the last step."""
        return self.schemas[-1]

    @property
    def asked(self) -> set[Request]:
        """What is scanned for the steps; a scan may have more beside it, such as a profile."""
        return {request for answers in self.answers for request in requests_of(answers)}

    @property
    def stage_by_stage(self) -> int:
        """The scans of a pipeline that fits each step by itself, as one estimator after another does.

        What is asked beside the steps, such as a profile, is one more.
        """
        learners = [learner for step in self.steps if (learner := step.learner())]
        asked = self.asked
        has_beside = any(set(scan.requests) - asked for scan in self.scans)
        return sum(bool(learner.statistics()) + learner.rounds for learner in learners) + has_beside

    @property
    def columns_scanned(self) -> tuple[frozenset[str], ...]:
        """The columns of the source that each scan reads, as far as is known before the first of them."""
        return tuple(self._scanned(scan).intersection(self.schemas[0]) for scan in self.scans)

    def _scanned(self, scan: Scan) -> frozenset[str]:
        steps = [*scan.steps, *scan.filters, *([scan.refines] if scan.refines is not None else [])]
        asked = {column for r in scan.requests for column in (*r.statistic.columns, *r.statistic.by)}
        return frozenset(asked).union(*(self.steps[step].reads() for step in steps))

    def explain(self) -> str:
        """Levels, scans, what each reads, what is derived, and why a level could not be merged."""
        return "\n".join([*self._heading(), *self._scan_lines(), *self._derived_lines()])

    def _heading(self) -> list[str]:
        count = len(self.scans)
        scans = "no scan" if not count else f"{count} scan{'s' * (count > 1)}"
        return [
            f"Fit: {scans} of the data; stage by stage it would be {self.stage_by_stage}.",
            "Steps: " + " -> ".join(step.told_as for step in self.steps),
            *([self.noise] if self.noise else []),
        ]

    def _scan_lines(self) -> list[str]:
        lines = []
        for number, scan in enumerate(self.scans, start=1):
            lines.append(f"scan {number} (level {scan.level}): {scan.why}")
            applied = ", ".join(self.steps[i].told_as for i in scan.steps)
            lines += [f"    after applying: {applied}"] if applied else []
            lines += [f"    {kind} of {_few(columns)}" for kind, columns in _by_kind(scan.requests).items()]
        return lines

    def _derived_lines(self) -> list[str]:
        lines = []
        for step, answers in zip(self.steps, self.answers, strict=True):
            derived = [answer for answer in answers if answer.derivation]
            if derived:
                whys = ", ".join(dict.fromkeys(a.derivation.why for a in derived if a.derivation))
                columns = _few(list(dict.fromkeys(answer.statistic.column for answer in derived)))
                lines.append(f"no scan for {step.told_as} of {columns}: {whys}")
        return lines


def leaves(answers: Iterable[Answer]) -> Iterator[Answer]:
    """The answers that are scanned, among some and behind them."""
    for answer in answers:
        if answer.request:
            yield answer
        yield from leaves(answer.needs)


def requests_of(answers: Iterable[Answer]) -> Iterator[Request]:
    """What is scanned for some answers; one request may be there several times."""
    return (leaf.request for leaf in leaves(answers) if leaf.request)


def _by_kind(requests: Sequence[Request]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for request in requests:
        columns = [column for column in request.statistic.columns if not is_hidden(column)]
        kinds.setdefault(request.statistic.kind, []).append(", ".join(columns))
    return kinds


def _few(names: Sequence[str], most: int = 6) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
