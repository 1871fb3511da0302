"""What a statistic is: a request that is equal to its twin, and a state that merges and is JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

from genspark.errors import ModelError

State = dict[str, Any]


@dataclass(frozen=True)
class Statistic(ABC):
    """A request for numbers about columns. Equal requests are one request, computed once.

    `columns` are the columns it reads. With `by`, one state is kept for each distinct value of
    those columns: `{"groups": [{"by": [...], "state": {...}}, ...]}`, sorted by value.

    Null and NaN are both missing. Positive and negative infinities are counted apart and enter
    no mean, extreme, quantile or frequency.
    """

    columns: tuple[str, ...]
    by: tuple[str, ...] = field(default=(), kw_only=True)

    kind: ClassVar[str]
    registry: ClassVar[dict[str, type[Statistic]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Statistic.registry[cls.kind] = cls

    @property
    def column(self) -> str:
        """The column of a statistic that reads one."""
        return self.columns[0]

    @abstractmethod
    def empty(self) -> State:
        """The state of no rows at all: merging it changes nothing."""

    @abstractmethod
    def merge_ungrouped(self, a: State, b: State) -> State:
        """The state of the union of two disjoint sets of rows, for a statistic without `by`."""

    def merge(self, a: State, b: State) -> State:
        """The state of the union of two disjoint sets of rows."""
        if not self.by:
            return self.merge_ungrouped(a, b)
        states = {tuple(group["by"]): group["state"] for group in a["groups"]}
        for group in b["groups"]:
            key = tuple(group["by"])
            known = states.get(key)
            states[key] = self.merge_ungrouped(known, group["state"]) if known else group["state"]
        return grouped(states)

    def filled(self, state: State, value: Any) -> State | None:
        """The state after every missing value was replaced by `value`: a point mass merged in.

        None where this statistic cannot tell, and the data must be scanned again.
        """
        return None

    def affine(self, state: State, center: float, scale: float, offset: float) -> State | None:
        """The state after x became (x - center) / scale + offset, scale > 0; None as in `filled`."""
        return None

    def on(self, columns: Sequence[str]) -> Self:
        """The same request of other columns."""
        return replace(self, columns=tuple(columns))

    def to_json(self) -> dict[str, Any]:
        """`{kind: {field: value}}`, which `from_json` reads back to an equal request."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {self.kind: {k: list(v) if isinstance(v, tuple) else v for k, v in values.items() if v != ()}}


def from_json(value: Mapping[str, Any]) -> Statistic:
    """The request that `Statistic.to_json` wrote. Raises ModelError for an unknown kind."""
    ((kind, values),) = value.items()
    if kind not in Statistic.registry:
        raise ModelError(f"statistic {kind!r} is not known here: the model is from a newer genspark")
    return Statistic.registry[kind](**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def grouped(states: Mapping[tuple[Any, ...], State]) -> State:
    """The state of a statistic with `by`, from the state of each group."""
    # Null first, and never compared with a value.
    keys = sorted(states, key=lambda key: tuple((value is not None, "" if value is None else value) for value in key))
    return {"groups": [{"by": list(key), "state": states[key]} for key in keys]}


def merge_counts(a: State, b: State, *names: str) -> State:
    """The named counters of two states, added."""
    return {name: a[name] + b[name] for name in names}


@dataclass(frozen=True)
class Derivation:
    """How a statistic of a step's output follows from statistics of its input, with no scan.

    `derive` takes the states of `needs`, in that order, and the step's fitted parameters. It returns
    None where the parameters leave the answer open (nothing was fitted), never where a scan is due.
    """

    needs: tuple[Statistic, ...]
    derive: Callable[[Sequence[State], Mapping[str, Any]], State]
    why: str
