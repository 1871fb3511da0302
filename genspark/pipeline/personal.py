"""Which columns tell of persons, at each place among bound steps: those that a step hides, and what is made of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from genspark.statistics import Moments, State, Statistic
from genspark.steps.base import Step
from genspark.steps.learner import Parameters
from genspark.storage.secrets import MASK


def personal_before(steps: Sequence[Step]) -> tuple[frozenset[str], ...]:
    """Of each step's input, and of the last one's output, the columns that tell of persons in clear.

    A column does that a later step hides, and so does one that is computed from it; what a hiding step writes does not.
    """
    known: frozenset[str] = frozenset()
    found = []
    for step, wanted in zip((*steps, None), _hidden_later(steps), strict=True):
        known |= wanted
        found.append(known)
        if step is not None:
            known = _after(step, known, frozenset() if step.hides_persons else step.writes())
    return tuple(found)


def personal_columns(steps: Sequence[Step]) -> frozenset[str]:
    """The columns of the source that tell of persons: no state of a profile holds their values."""
    return _hidden_later(steps)[0]


def personal_anywhere(steps: Sequence[Step]) -> frozenset[str]:
    """The columns that tell of persons at some place among the steps: no message has a value of theirs."""
    return frozenset().union(*personal_before(steps))


def unsampled(steps: Sequence[Step]) -> frozenset[str]:
    """The columns of the result of which no sample is shown: those in which persons may be left."""
    known: frozenset[str] = frozenset()
    for step, wanted in zip(steps, personal_before(steps), strict=False):
        leaves = step.writes() if step.leaves_persons or not step.hides_persons else frozenset()
        known = _after(step, known | wanted, leaves)
    return known


def _hidden_later(steps: Sequence[Step]) -> tuple[frozenset[str], ...]:
    """Of each step's input, and of the last one's output, the columns that this step or a later one hides."""
    columns: frozenset[str] = frozenset()
    found = [columns]
    for step in reversed(steps):
        columns = frozenset().union(*(step.made_from(c) if c in step.writes() else {c} for c in columns))
        columns |= step.reads() if step.hides_persons else frozenset()
        found.append(columns)
    return tuple(reversed(found))


def _after(step: Step, known: frozenset[str], written: Collection[str]) -> frozenset[str]:
    """The columns after a step that are among those known, or are `written` from them."""
    return (known - step.writes()) | {column for column in written if step.made_from(column) & known}


def is_told(step: Step, name: str, known: Collection[str]) -> bool:
    """Whether what a step learnt under a name, mostly a column's, may be shown where columns tell of persons.

    Not of one that does, nor by groups of one, nor under what is no column's name where the step reads one.
    """
    if step.hides_persons:
        return True
    is_column = name in step.reads() | step.writes()
    looked_at = {name, *getattr(step, "by", ())} if is_column else step.reads()
    return not looked_at & set(known)


def discreet(step: Step, parameters: Parameters, known: Collection[str]) -> Parameters:
    """What a step learnt, as it may be shown: `***` for each name that is not told."""
    return {
        group: {name: value if is_told(step, name, known) else MASK for name, value in learnt.items()}
        if isinstance(learnt, Mapping)
        else learnt
        for group, learnt in parameters.items()
    }


def kept_in_clear(
    steps: Sequence[Step], parameters: Sequence[Parameters], states: Sequence[tuple[Statistic, int, State]] = ()
) -> list[str]:
    """Sentences that name the columns of which a model has values, as steps learnt of them before another hides them.

    `states` are those of the model, which has them beside the parameters.
    """
    later = _hidden_later(steps)
    found: dict[int, set[str]] = {}
    for at, (step, learnt, known) in enumerate(zip(steps, parameters, later, strict=False)):
        names = {name for group in learnt.values() if isinstance(group, Mapping) for name in group}
        there = names & (step.reads() | step.writes())
        found[at] = {name for name in there if not is_told(step, name, known)}
    for statistic, at, _ in states:
        # Moments have no value of a row.
        valued = statistic.by if isinstance(statistic, Moments) else (*statistic.columns, *statistic.by)
        for column in later[at] & set(valued):
            askers = (place for place in range(at, len(steps)) if column in steps[place].reads())
            asked = next((place for place in askers if not steps[place].hides_persons), None)
            if asked is not None and column in later[asked]:
                found[asked].add(column)
    return [_in_clear(steps, at, columns) for at, columns in sorted(found.items()) if columns]


def _in_clear(steps: Sequence[Step], at: int, columns: Collection[str]) -> str:
    learner, named = steps[at].told_as, ", ".join(map(repr, sorted(columns)))
    hiding = next(step.told_as for step in steps[at:] if step.hides_persons)
    return (
        f"{hiding}: the model has in clear what {learner} learnt before of {named}; put {hiding} first, or guard the "
        "model as you guard the source"
    )
