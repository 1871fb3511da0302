"""Differences between two fitted models, entry by entry."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol

from pydantic import TypeAdapter

from genspark.pipeline.personal import is_told, personal_before
from genspark.steps.base import Step
from genspark.steps.learner import Parameters
from genspark.storage.secrets import MASK

INPUT = "input"
"""The label of entries that belong to no step: the columns and the key."""

Known = tuple[Step, Parameters, frozenset[str]]
"""A step, what it learnt, and the columns of its input that tell of persons."""

SHOWN = 40
_WIDEST = 32


class Learnt(Protocol):
    """The parts of a model that `diff` compares."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""

    @property
    def parameters(self) -> tuple[Parameters, ...]:
        """The parameters of each step."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that draws hash."""

    @property
    def input_schema(self) -> Mapping[str, str]:
        """The columns that the model was fitted on, and the names of their types."""


@dataclass(frozen=True)
class Change:
    """One entry that differs between two models.

    `step` is the label of a step, with its number among those of the same label from the second on, or
    `INPUT`. `path` leads to the parameter, the field or the column, such as `mean.fare` or
    `components[0][2]`; it is empty where the step itself is in one model alone. `before` and `after` are
    plain JSON, None where there is nothing on that side, as `what` tells, and `***` where the column tells of persons.
    """

    step: str
    path: str
    what: Literal["changed", "added", "removed"]
    before: Any
    after: Any

    @property
    def relative(self) -> float | None:
        """(after - before) / |before|; None where either is no finite number, or `before` is 0."""
        numbers = [float(value) for value in (self.before, self.after) if _is_number(value)]
        if len(numbers) < 2 or not numbers[0] or not all(map(math.isfinite, numbers)):
            return None
        return (numbers[1] - numbers[0]) / abs(numbers[0])

    def to_json(self) -> dict[str, Any]:
        """The entry as plain JSON."""
        return {**asdict(self), "relative": self.relative}


@dataclass(frozen=True)
class ModelDiff:
    """The changes from one model to another, first of the input, then step by step; empty where models agree.

    Numbers are compared as they are: a rounding is a change, of a very small `relative`.
    """

    changes: tuple[Change, ...]

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __str__(self) -> str:
        return self.table(SHOWN)

    def table(self, most: int) -> str:
        """Text with the number of all changes, and a line for each of the `most` largest."""
        if not self.changes:
            return "nothing moved: the same columns, steps and parameters"
        rows = [_row(change) for change in self.largest(most)]
        rest = len(self) - len(rows)
        lines = [f"{len(self):,} change{'s' * (len(self) > 1)}", *_aligned([_HEAD, *rows])]
        return "\n".join(lines + ([f"and {rest:,} more, which moved less"] if rest else []))

    def largest(self, most: int) -> list[Change]:
        """At most `most` changes: first those without a size, such as a step that is gone, then the largest."""
        return sorted(self.changes, key=_weight, reverse=True)[:most]

    def to_json(self) -> list[dict[str, Any]]:
        """Every change as plain JSON, in order."""
        return [change.to_json() for change in self.changes]


def diff(before: Learnt, after: Learnt) -> ModelDiff:
    """The changes from `before` to `after`.

    Steps are matched by their label, and those of one label by their order.
    """
    old, new = _by_label(before), _by_label(after)
    changes = [
        *_compared(INPUT, "", dict(before.input_schema), dict(after.input_schema)),
        *_whole(INPUT, "key", list(before.key), list(after.key)),
        *_whole(INPUT, "order of steps", *([label for label in a if label in b] for a, b in ((old, new), (new, old)))),
    ]
    for label in dict.fromkeys([*old, *new]):
        if label in old and label in new:
            changes += _of_step(label, old[label], new[label])
        else:
            a, b = (_json(steps[label][0]) if label in steps else None for steps in (old, new))
            changes.append(Change(label, "", "added" if a is None else "removed", a, b))
    return ModelDiff(tuple(changes))


def _by_label(model: Learnt) -> dict[str, Known]:
    by_label: dict[str, Known] = {}
    times: Counter[str] = Counter()
    for step, parameters, known in zip(model.steps, model.parameters, personal_before(model.steps), strict=False):
        times[step.told_as] += 1
        number = times[step.told_as]
        by_label[step.told_as if number == 1 else f"{step.told_as} {number}"] = (step, parameters, known)
    return by_label


def _of_step(label: str, old: Known, new: Known) -> Iterator[Change]:
    if old[0].kind != new[0].kind:
        yield Change(label, "", "changed", _json(old[0]), _json(new[0]))
        return
    fields, others = (TypeAdapter(type(step)).dump_python(step, mode="json") for step, *_ in (old, new))
    for name, value in fields.items():
        yield from _whole(label, name, value, others[name])
    hidden = {place for step, parameters, known in (old, new) for place in _untold(step, parameters, known)}
    for change in _compared(label, "", dict(old[1]), dict(new[1])):
        is_hidden = any(change.path == place or change.path.startswith((f"{place}.", f"{place}[")) for place in hidden)
        yield _masked(change) if is_hidden else change


def _untold(step: Step, parameters: Parameters, known: frozenset[str]) -> Iterator[str]:
    """The paths of what a step learnt of columns that tell of persons."""
    for group, learnt in parameters.items():
        if isinstance(learnt, Mapping):
            yield from (f"{group}.{name}" for name in learnt if not is_told(step, name, known))
        elif not is_told(step, "", known):
            yield group


def _masked(change: Change) -> Change:
    before, after = (None if value is None else MASK for value in (change.before, change.after))
    return replace(change, before=before, after=after)


def _compared(label: str, path: str, a: Any, b: Any) -> Iterator[Change]:
    """The changes below one place: mappings compare by key, lists of one length by position, all else as a whole."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in dict.fromkeys([*a, *b]):
            place = f"{path}.{name}" if path else str(name)
            if name not in a:
                yield Change(label, place, "added", None, b[name])
            elif name not in b:
                yield Change(label, place, "removed", a[name], None)
            else:
                yield from _compared(label, place, a[name], b[name])
    elif _is_list(a) and _is_list(b) and len(a) == len(b):
        for position, (left, right) in enumerate(zip(a, b, strict=True)):
            yield from _compared(label, f"{path}[{position}]", left, right)
    else:
        yield from _whole(label, path, a, b)


def _whole(label: str, path: str, a: Any, b: Any) -> Iterator[Change]:
    # True is 1 to Python, and another value here.
    if a != b or isinstance(a, bool) != isinstance(b, bool):
        yield Change(label, path, "changed", a, b)


def _json(step: Step) -> dict[str, Any]:
    return step.to_json()


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _weight(change: Change) -> float:
    return math.inf if change.relative is None else abs(change.relative)


_HEAD = ("step", "what", "before", "after", "change")


def _row(change: Change) -> tuple[str, ...]:
    moved = change.what if change.relative is None else f"{100 * change.relative:+.3g} %"
    before, after = (
        "" if change.what == absent else _short(value)
        for value, absent in ((change.before, "added"), (change.after, "removed"))
    )
    return (change.step, change.path or "the step", before, after, moved)


def _short(value: Any) -> str:
    text = f"{value:.8g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
