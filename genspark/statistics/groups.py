"""Groups of a statistic with `by`: check their columns, split and merge their states."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from genspark.columns.dtypes import Schema, is_category
from genspark.columns.lookup import Group
from genspark.errors import SchemaError, did_you_mean
from genspark.statistics.base import State, Statistic


def check_by(by: Sequence[str], schema: Schema, place: str = "by") -> None:
    """Raise SchemaError, with every mistake, where rows cannot be grouped by these columns, which `place` names."""
    problems = [f"{place}: {c!r} is not a column{did_you_mean(c, schema)}" for c in by if c not in schema]
    problems += [
        f"{place}: {c!r} is {schema[c]}, and groups are told by strings, integers or booleans; cast it before"
        for c in by
        if c in schema and not is_category(schema[c])
    ]
    problems += [f"{place}: {c!r} is named twice; name it once" for c in dict.fromkeys(by) if by.count(c) > 1]
    if problems:
        raise SchemaError(problems)


def ungrouped(statistic: Statistic, state: State) -> State:
    """The state over all rows, merged from the states of a statistic's groups, with no further scan.

    Raises PlanError for a statistic that does not merge, such as exact quantiles.
    """
    return functools.reduce(statistic.merge_ungrouped, states_by_group(state).values(), statistic.empty())


def states_by_group(state: State) -> dict[Group, State]:
    """The state of each group, of a statistic with `by`."""
    return {tuple(group["by"]): group["state"] for group in state["groups"]}
