"""How far the rows of one profile have moved from those of another, from their states alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genspark.pipeline.limits import Limits
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
class Side:
    """The rows of a column on one side: how many, the share that is missing, and the shares of what can be compared.

    `shares` are zeros without such values.
    """

    rows: float
    missing: float
    shares: Values

    @property
    def why_nothing(self) -> str:
        """Why there is no value to compare; nothing where there is one."""
        if self.shares.any():
            return ""
        return "there are no rows" if not self.rows else "all are missing" if self.missing == 1 else "none is finite"


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
        "limits": limits.to_json(),
        "columns": by_stability(found),
        "lacking": lacking,
    }


def schema_drift(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    """The columns that were added, removed, or changed their type."""
    return {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "changed": {name: [old[name], new[name]] for name in new if name in old and old[name] != new[name]},
    }


def measures(old: Side, new: Side, ks: float | None, unknown: float | None, limits: Limits) -> dict[str, Any]:
    """The measures of a column from its old rows to its new: None of what cannot be measured.

    `unknown` is the share of new values that were not there before. `lost` says of a column that has values on one side
    only why it has none on the other.
    """
    has_both = bool(old.shares.any() and new.shares.any())
    lost = ""
    if not has_both and new.shares.any():
        lost = f"no value was there to compare with: {old.why_nothing}"
    elif not has_both and old.shares.any():
        lost = f"no value is left to compare: {new.why_nothing}"
    figures = {
        "stability": population_stability(old.shares, new.shares) if has_both else None if lost else 0.0,
        "jensen_shannon": jensen_shannon(old.shares, new.shares) if has_both else None,
        "ks": ks if has_both else None,
        "missing_before": old.missing,
        "missing": new.missing,
        "unknown": unknown,
        "lost": lost,
    }
    return {**figures, "judged": limits.judged(figures)}


def by_stability(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns, those that moved most first: before them those that have nothing left to compare."""
    return sorted(found, key=lambda one: -math.inf if one["stability"] is None else -one["stability"])


def _told(statistic: Statistic, old: State, new: State, limits: Limits) -> dict[str, Any]:
    if isinstance(statistic, Frequencies):
        p, q, unknown = _of_names(old, new)
        return measures(_side(old, p), _side(new, q), None, unknown, limits)
    assert isinstance(statistic, Quantiles)
    edges = np.unique(statistic.read(old, TENTHS) or [])
    if not len(edges) or not new["count"]:
        p, q = (np.array([float(state["count"] > 0)]) for state in (old, new))
        return measures(_side(old, p), _side(new, q), None, None, limits)
    held = [distribution(state) for state in (old, new)]
    # What a step maps and what a state follows may differ by a rounding, which must not part equal values.
    reach = ROUNDINGS * np.spacing(max(float(np.abs(values).max()) for values, _ in held))
    p, q = (np.diff(np.concatenate([[0.0], _up_to(edges + reach, *one), [1.0]])) for one in held)
    grid = np.concatenate([values for values, _ in held]) + reach
    ks = float(np.abs(_up_to(grid, *held[0]) - _up_to(grid, *held[1])).max())
    return measures(_side(old, p), _side(new, q), ks, None, limits)


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


def _side(state: State, shares: Values) -> Side:
    there = (
        state["total"]
        if "total" in state
        else sum(state[name] for name in ("count", "positive_infinities", "negative_infinities"))
    )
    rows = there + state["missing"]
    return Side(rows, float(state["missing"] / rows) if rows else 0.0, shares)
