"""Statistics: requests, which are computed once where they are equal, and their states, which merge and are JSON."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

from genspark.columns.expressions import HIDDEN
from genspark.errors import DataError, ModelError, PlanError

State = dict[str, Any]

GROUP_LIMIT = 100_000
"""Groups that a statistic with `by` may have."""


@dataclass(frozen=True)
class Statistic(ABC):
    """A request for numbers about columns. Equal requests are one request, computed once.

    `columns` are the columns it reads. With `by`, one state is kept for each distinct value of
    those columns: `{"groups": [{"by": [...], "state": {...}}, ...]}`, sorted by value. Null is a
    group of its own, the first. Group columns hold strings, whole numbers or booleans: a float is
    refused by `check_group_types`, and more than `GROUP_LIMIT` groups by `check_groups`.

    Null and NaN are both missing. Positive and negative infinities are counted apart and enter
    no mean, extreme, quantile or frequency.
    """

    columns: tuple[str, ...]
    by: tuple[str, ...] = field(default=(), kw_only=True)

    kind: ClassVar[str]
    is_kept: ClassVar[bool] = True
    """Whether models and tables of statistics keep its states, which must not tell what single rows have."""
    registry: ClassVar[dict[str, type[Statistic]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Statistic.registry[cls.kind] = cls

    @property
    def column(self) -> str:
        """The only column of a statistic that reads one column."""
        return self.columns[0]

    @abstractmethod
    def empty(self) -> State:
        """The state of no rows: merging it changes nothing."""

    @abstractmethod
    def merge_ungrouped(self, a: State, b: State) -> State:
        """The state of the union of two disjoint sets of rows, for a statistic without `by`."""

    def merge(self, a: State, b: State) -> State:
        """The state of the union of two disjoint sets of rows. Raises DataError for too many groups."""
        if not self.by:
            return self.merge_ungrouped(a, b)
        states = {tuple(group["by"]): group["state"] for group in a["groups"]}
        for group in b["groups"]:
            key = tuple(group["by"])
            known = states.get(key)
            states[key] = self.merge_ungrouped(known, group["state"]) if known else group["state"]
        check_groups(self.by, len(states))
        return grouped(states)

    def finish(self, part: State) -> State:
        """The state of all rows, from the part that the engine gathered of them and merged."""
        if not self.by:
            return self.finish_ungrouped(part)
        return {"groups": [{**group, "state": self.finish_ungrouped(group["state"])} for group in part["groups"]]}

    def finish_ungrouped(self, part: State) -> State:
        """The state of a part without `by`: the part itself, where states merge as they are."""
        return part

    def brief(self, state: State) -> State:
        """What a model keeps of the state: all of it, unless it holds a number of every row."""
        if not self.by:
            return self.brief_ungrouped(state)
        return {"groups": [{**group, "state": self.brief_ungrouped(group["state"])} for group in state["groups"]]}

    def brief_ungrouped(self, state: State) -> State:
        """What a model keeps of a state without `by`."""
        return state

    def filled(self, state: State, value: Any) -> State | None:
        """The state after every missing value was replaced by `value`, as if that many rows of `value` were merged in.

        None where this statistic cannot tell, and the data must be scanned again.
        """
        return None

    def affine(self, state: State, center: float, scale: float, offset: float) -> State | None:
        """The state after x became (x - center) / scale + offset, scale > 0; None as in `filled`."""
        return None

    def on(self, columns: Sequence[str], by: Sequence[str] | None = None) -> Self:
        """The same request for other columns, and other groups where `by` is given."""
        return replace(self, columns=tuple(columns), by=self.by if by is None else tuple(by))

    def to_json(self) -> dict[str, Any]:
        """`{kind: {field: value}}`, which `from_json` reads back to an equal request."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {self.kind: {name: _listed(value) for name, value in values.items() if value != ()}}


def from_json(value: Mapping[str, Any]) -> Statistic:
    """The request that `Statistic.to_json` wrote. Raises ModelError for an unknown kind."""
    ((kind, values),) = value.items()
    if kind not in Statistic.registry:
        raise ModelError(f"statistic {kind!r} is not known here: the model is from a newer genspark")
    return Statistic.registry[kind](**{name: _tupled(value) for name, value in values.items()})


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def grouped(states: Mapping[tuple[Any, ...], State]) -> State:
    """The state of a statistic with `by`, from the state of each group."""
    keys = list(states)
    return {"groups": [{"by": list(key), "state": states[key]} for _, key in in_order(keys)]}


def in_order(keys: Sequence[tuple[Any, ...]]) -> list[tuple[int, tuple[Any, ...]]]:
    """The positions and values of groups, sorted by value with null first (null and values do not compare)."""
    ranks = [tuple((value is not None, "" if value is None else value) for value in key) for key in keys]
    return [(at, keys[at]) for at in sorted(range(len(keys)), key=ranks.__getitem__)]


def check_groups(by: Sequence[str], number: int) -> None:
    """Raise DataError for more groups than `GROUP_LIMIT`. Engines ask while they gather, so that memory is bounded."""
    if number > GROUP_LIMIT:
        raise DataError(
            f"group columns {[seen(column) for column in by]} have more than {GROUP_LIMIT:,} groups; "
            "group by a coarser column, or drop `by`"
        )


def check_group_types(others: Mapping[str, object]) -> None:
    """Raise PlanError for group columns of other types than strings, whole numbers and booleans: column -> type."""
    if others:
        listed = ", ".join(f"{seen(column)!r} is {dtype}" for column, dtype in others.items())
        raise PlanError(f"group columns hold strings, whole numbers or booleans; {listed}: cast it before")


def seen(column: str) -> str:
    """The name by which users know a column, also for a hidden copy that a scan made."""
    return re.sub(rf"^{HIDDEN}at_\d+_", "", column)


def merge_counts(a: State, b: State, *names: str) -> State:
    """The named counters of two states, added."""
    return {name: a[name] + b[name] for name in names}


@dataclass(frozen=True)
class Derivation:
    """A statistic of a step's output that follows from statistics of its input, with no scan.

    `derive` takes the states of `needs`, in that order, and the step's fitted parameters, and returns
    the state. `why` is a phrase for `Plan.explain`.
    """

    needs: tuple[Statistic, ...]
    derive: Callable[[Sequence[State], Mapping[str, Any]], State]
    why: str
