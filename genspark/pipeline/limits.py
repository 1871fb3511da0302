"""How far a column may move before it is told, and before it ends a run; and what is said of one that moved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

OTHER = 0.25
"""The population stability index above which a column is taken for another, whether or not that ends anything."""
Measure = Literal["stability", "jensen_shannon", "ks", "missing", "unknown"]
MEASURES = {
    "stability": "stability index",
    "jensen_shannon": "Jensen-Shannon distance",
    "ks": "Kolmogorov-Smirnov distance",
    "missing": "change of the missing share",
    "unknown": "share of unknown values",
}
"""What may have bounds, as YAML names it and in words."""
Told = Mapping[str, Any]
"""What was found of a column, or of all, as plain JSON."""
NO_CHANGES: Told = {"added": [], "removed": [], "changed": {}}


@dataclass(frozen=True)
class Limits:
    """Of each measure the bound above which a column has moved, and that above which it ends what was asked.

    `schema` is what columns do that were added, removed, or changed their type: they are told, end it, or neither.
    """

    warn: Mapping[str, float] = field(default_factory=dict)
    stop: Mapping[str, float] = field(default_factory=dict)
    schema: Literal["warn", "stop", "ignore"] = "warn"

    @property
    def warned(self) -> dict[str, float]:
        """The bounds above which a column has moved: of the stability index there always is one."""
        return {"stability": 0.1, **self.warn}

    @property
    def others(self) -> dict[str, float]:
        """The bounds above which a column is another."""
        return {"stability": max(OTHER, self.warned["stability"]), **self.stop}

    def judged(self, figures: Told) -> str:
        """`like`, `moved` or `other`; a column that has values on one side only is another."""
        if figures["lost"] or any(above(figures, self.others)):
            return "other"
        return "moved" if any(above(figures, self.warned)) else "like"

    def backward(self) -> Iterator[tuple[str, str]]:
        """The bounds that stop below those that warn of the same measure, with these, in words."""
        for measure, bound in self.stop.items():
            warned = self.warned.get(measure, bound)
            if bound < warned:
                yield f"{bound:g}", f"{warned:g}{'' if measure == 'stability' else f' ({measure})'}"

    def to_json(self) -> dict[str, Any]:
        """The bounds that judge, as plain JSON."""
        return {"warn": self.warned, "stop": self.others, "schema": self.schema}

    def stopped_by(self, told: Told) -> str:
        """What ends a run by what `profile_drift` tells, and what helps, in words; nothing where nothing does."""
        beyond = list(self._beyond(told["columns"]))
        lost = list(_lost(told["columns"])) if self.stop else []
        changed = schema_lines(told["schema"]) if self.schema == "stop" else []
        helps = (("raise `stop`", beyond), ("name other `columns`", lost), ("set `schema` to warn", changed))
        remedy = ", ".join(words for words, found in helps if found)
        sentences = "; ".join([*beyond, *lost, *changed])
        return f"{sentences}: look at what changed in the source, or {remedy}, if it is to stay" if sentences else ""

    def _beyond(self, columns: Sequence[Told]) -> Iterator[str]:
        for measure, bound in self.stop.items():
            which = [one for one in columns if measure in above(one, {measure: bound})]
            if which:
                names = ", ".join(f"{one['column']!r} ({value_of(one, measure):.3f})" for one in which)
                yield f"{names} moved beyond the {MEASURES[measure]} of {bound:g}"


def _lost(columns: Sequence[Told]) -> Iterator[str]:
    for reason in dict.fromkeys(one["lost"] for one in columns if one["lost"]):
        yield f"{', '.join(repr(one['column']) for one in columns if one['lost'] == reason)}: {reason}"


def is_bound(measure: str, value: float) -> bool:
    """Whether a number can bound a measure: an index of 0 would tell of every column."""
    return 0 <= value < math.inf and (measure != "stability" or value > 0)


def above(figures: Told, bounds: Mapping[str, float]) -> Iterator[str]:
    """The measures of a column that are above their bounds."""
    for measure, bound in bounds.items():
        value = value_of(figures, measure)
        if value is not None and value > bound:
            yield measure


def value_of(figures: Told, measure: str) -> float | None:
    """What a bound is held against: of missing values the change of their share, in either direction."""
    if measure == "missing":
        return abs(float(figures["missing"] - figures["missing_before"]))
    value = figures[measure]
    return None if value is None else float(value)


def drift_lines(told: Told) -> list[str]:
    """What moved, and how the columns changed, in sentences."""
    limits = told["limits"]
    lines = [_moved(one, limits) for one in told["columns"] if one["judged"] != "like"]
    return lines + schema_lines(changes(told))


def changes(told: Told) -> Told:
    """How the columns changed, of what `schema_drift` found: nothing where the limits say that it is not told."""
    return NO_CHANGES if told["limits"]["schema"] == "ignore" else told["schema"]


def _moved(one: Told, limits: Told) -> str:
    is_what = "moved" if one["judged"] == "moved" else "is another"
    missing = f"missing {one['missing_before']:.2%} before and {one['missing']:.2%} now"
    if one["lost"]:
        return f"{one['column']!r} {is_what}: {one['lost']}; {missing}"
    beyond = dict.fromkeys(["stability", *above(one, limits["warn"]), *above(one, limits["stop"])])
    figures = [f"{MEASURES[name]} {value_of(one, name):.3f} ({_bounds(name, limits)})" for name in beyond]
    return f"{one['column']!r} {is_what}: {', '.join([*figures, missing])}"


def _bounds(measure: str, limits: Told) -> str:
    return ", ".join(f"{word} {limits[word][measure]:g}" for word in ("warn", "stop") if measure in limits[word])


def schema_lines(schema: Told) -> list[str]:
    """How the columns changed, in sentences."""
    lines = [f"{what} since: {', '.join(map(repr, schema[what]))}" for what in ("added", "removed") if schema[what]]
    return lines + [f"{column!r} was {before} and is {now}" for column, (before, now) in schema["changed"].items()]
