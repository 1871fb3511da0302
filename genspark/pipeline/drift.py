"""How far the rows of one profile have moved from those of another, from their states alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genspark.pipeline.profile import FEW, Profile, is_telling
from genspark.statistics import Frequencies, Quantiles, State, Statistic
from genspark.statistics.distances import Values, jensen_shannon, population_stability
from genspark.statistics.quantiles import distribution

TENTHS = tuple(np.arange(1, 10) / 10.0)
"""The quantiles of the old rows between which bins lie: a sketch is as sure of each."""
ROUNDINGS = 64
MOST_NAMES = 12
"""The most frequent names that are bins of their own where there are more than a few."""


@dataclass(frozen=True)
class Limits:
    """The population stability index above which a column has moved, and that above which it is another."""

    warn: float = 0.1
    stop: float = 0.25

    def judged(self, stability: float) -> str:
        """`like`, `moved` or `other`."""
        return "other" if stability > self.stop else "moved" if stability > self.warn else "like"


def profile_drift(old: Profile, new: Profile, limits: Limits) -> dict[str, Any]:
    """How far each column of the new profile has moved, as plain JSON, those that moved most first.

    `lacking` names the columns of both that cannot be held against each other, and why.
    """
    found, lacking = [], {}
    for column in (c for c in new.columns if c in old.columns):
        if column not in old.states:
            lacking[column] = old.lacking.get(column, "nothing is kept of it")
        elif column not in new.states:
            if column in new.lacking:
                lacking[column] = new.lacking[column]
        else:
            (statistic, before), (other, after) = old.states[column], new.states[column]
            if type(statistic) is not type(other):
                lacking[column] = f"was {old.columns[column]} and is {new.columns[column]}"
            elif not (is_telling(statistic, before) and is_telling(other, after)):
                lacking[column] = (
                    "has more distinct values than were counted; `genspark drift` of two tables bins its lengths"
                )
            else:
                found.append({"column": column, **_told(statistic, before, after, limits)})
    return {
        "limits": {"warn": limits.warn, "stop": limits.stop},
        "columns": sorted(found, key=lambda one: -one["stability"]),
        "lacking": lacking,
        "schema": schema_drift(old.columns, new.columns),
    }


def drift_lines(told: Mapping[str, Any]) -> list[str]:
    """What moved, and what could not be held against the others, in sentences."""
    moved = [one for one in told["columns"] if one["judged"] != "like"]
    limits, schema = told["limits"], told["schema"]
    lines = [
        f"{one['column']!r} {'moved' if one['judged'] == 'moved' else 'is another'}: stability index "
        f"{one['stability']:.3f} (warn {limits['warn']:g}, stop {limits['stop']:g}), "
        f"missing {one['missing_before']:.2%} before and {one['missing']:.2%} now"
        for one in moved
    ]
    lines += [f"{what} since: {', '.join(map(repr, schema[what]))}" for what in ("added", "removed") if schema[what]]
    lines += [f"{column!r} was {before} and is {now}" for column, (before, now) in schema["changed"].items()]
    return lines


def schema_drift(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    """The columns that were added, removed, or changed their type."""
    return {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "changed": {name: [old[name], new[name]] for name in new if name in old and old[name] != new[name]},
    }


def measures(
    p: Values, q: Values, ks: float | None, missing: tuple[float, float], unknown: float | None, limits: Limits
) -> dict[str, Any]:
    """The measures of a column by the shares `p` of its old rows and `q` of its new, which are zeros without rows.

    `missing` are the shares of missing values before and now, `unknown` that of names which were not there before.
    """
    has_both = bool(p.any() and q.any())
    stability = population_stability(p, q) if has_both else 0.0
    judged = limits.judged(stability) if has_both or p.any() == q.any() else "other"
    return {
        "stability": stability,
        "jensen_shannon": jensen_shannon(p, q) if has_both else None,
        "ks": ks if has_both else None,
        "missing_before": missing[0],
        "missing": missing[1],
        "unknown": unknown,
        "judged": judged,
    }


def _told(statistic: Statistic, old: State, new: State, limits: Limits) -> dict[str, Any]:
    missing = (_missing(old), _missing(new))
    if isinstance(statistic, Frequencies):
        p, q, unknown = _of_names(old, new)
        return measures(p, q, None, missing, unknown, limits)
    assert isinstance(statistic, Quantiles)
    edges = np.unique(statistic.read(old, TENTHS) or [])
    if not len(edges) or not new["count"]:
        p, q = (np.array([float(state["count"] > 0)]) for state in (old, new))
        return measures(p, q, None, missing, None, limits)
    held = [distribution(state) for state in (old, new)]
    # What a step maps and what a state follows may differ by a rounding, which must not part equal values.
    reach = ROUNDINGS * np.spacing(max(float(np.abs(values).max()) for values, _ in held))
    p, q = (np.diff(np.concatenate([[0.0], _up_to(edges + reach, *one), [1.0]])) for one in held)
    grid = np.concatenate([values for values, _ in held]) + reach
    ks = float(np.abs(_up_to(grid, *held[0]) - _up_to(grid, *held[1])).max())
    return measures(p, q, ks, missing, None, limits)


def _up_to(places: Values, values: Values, shares: Values) -> Values:
    """The share of a distribution that lies at or below each place."""
    return np.concatenate([[0.0], shares])[np.searchsorted(values, places, side="right")]


def _of_names(old: State, new: State) -> tuple[Values, Values, float | None]:
    """The shares of names, before and now, with those of all others; and the share of names that are new."""
    before, after = (dict(state["values"]) for state in (old, new))
    names = list(dict.fromkeys([*before, *after]))
    if len(names) > FEW:
        names = list(before)[:MOST_NAMES]
    shares = []
    for counts, state in ((before, old), (after, new)):
        some = np.array([float(counts.get(name, 0)) for name in names])
        whole = np.append(some, max(0.0, state["total"] - some.sum()))
        shares.append(whole / state["total"] if state["total"] else whole)
    is_known = bool(new["total"] and not old["error"])
    unknown = 1.0 - sum(after.get(name, 0) for name in before) / new["total"] if is_known else None
    return shares[0], shares[1], unknown


def _missing(state: State) -> float:
    there = (
        state["total"]
        if "total" in state
        else sum(state[name] for name in ("count", "positive_infinities", "negative_infinities"))
    )
    return float(state["missing"] / (there + state["missing"])) if there + state["missing"] else 0.0
