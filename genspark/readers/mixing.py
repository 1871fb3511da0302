"""Batches mixed of several parts: of several tables by weights, or of the values of a column.

Every global batch has the same number of rows of each part. A part has an order of its own, over its own row groups,
and begins its next epoch when its rows are at an end, whatever the others do; the rows that its last full share leaves
are other ones in each of its epochs. Where each row is to be there once an epoch, a part whose rows are at an end has
none in later batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from genspark.errors import ConfigError, SchemaError, did_you_mean
from genspark.readers.order import WINDOW, Integers, Order, Rows, Shuffle
from genspark.readers.parts_of_groups import cut, values_of
from genspark.readers.plan import Plan


@dataclass(frozen=True)
class Ingredient:
    """A part of a plan: its row groups, and the share of each batch that it is to have, beside the other weights."""

    name: str
    weight: float
    groups: Integers = field(repr=False)


@dataclass(frozen=True)
class MixedOrder:
    """The order of a mixture, with the methods of `Order`.

    An epoch has as many steps as the part that lasts longest; the others begin anew within it, or end (`once`).
    """

    rows: Integers = field(repr=False)
    batch: int
    seed: int
    shuffle: Shuffle
    window: int
    ingredients: tuple[Ingredient, ...]
    once: bool = False

    rest = 0

    @property
    def full_steps(self) -> int:
        """The batches of an epoch."""
        return max(order.full_steps + (self.once and order.rest > 0) for order in self.orders)

    @cached_property
    def orders(self) -> list[Order]:
        """The order of each part, whose batch is its share of a global batch."""
        counts = apportioned(self.batch, self.ingredients)
        found = []
        for number, (part, count) in enumerate(zip(self.ingredients, counts, strict=True)):
            rows = self.rows[part.groups]
            if rows.sum() < count:
                raise ConfigError(
                    f"{part.name}: {rows.sum()} rows are fewer than its {count} of every batch; weigh it less"
                )
            window = max(1, round(self.window * count / self.batch)) if self.window else WINDOW
            # Parts of the same rows are not to go in step.
            found.append(Order(rows, count, self.seed + (number << 32), self.shuffle, window))
        return found

    def rows_of(self, epoch: int, steps: Integers, slots: Integers) -> Rows:
        """The rows of an epoch at some steps and slots, two arrays of one shape or of shapes that broadcast."""
        steps, slots = np.broadcast_arrays(steps, slots)
        groups, places = np.zeros(steps.shape, np.int64), np.zeros(steps.shape, np.int64)
        parts, own = self._slots
        is_valid = np.ones(steps.shape, bool)
        since = epoch * self.full_steps + steps
        for number, (part, order) in enumerate(zip(self.ingredients, self.orders, strict=True)):
            is_of_part = parts[slots] == number
            epochs, own_steps = (np.full_like(steps, epoch), steps) if self.once else np.divmod(since, order.full_steps)
            for own_epoch in np.unique(epochs[is_of_part]):
                here = is_of_part & (epochs == own_epoch)
                rows = order.rows_of(int(own_epoch), own_steps[here], own[slots[here]])
                groups[here], places[here], is_valid[here] = part.groups[rows.groups], rows.places, rows.is_valid
        return Rows(groups, places, is_valid)

    def fillers_of(self, epoch: int, steps: Integers, slots: Integers) -> Rows:
        """Rows for slots that have none: those of the last full step of the slot's part."""
        last = np.array([order.full_steps - 1 for order in self.orders])
        return self.rows_of(epoch, np.minimum(steps, last[self._slots[0][slots]]), slots)

    def groups_of(self, _epoch: int) -> Integers:
        """All row groups, in no order that would hold for all parts."""
        return np.concatenate([part.groups for part in self.ingredients])

    @cached_property
    def _slots(self) -> tuple[Integers, Integers]:
        """The part of each slot, and its number among the part's: spread evenly, so that ranks have all parts alike."""
        counts = [order.batch for order in self.orders]
        parts = np.repeat(np.arange(len(counts)), counts)
        own = np.concatenate([np.arange(count) for count in counts])
        order = np.argsort((own + 0.5) / np.repeat(counts, counts), kind="stable")
        return parts[order], own[order]


def apportioned(batch: int, ingredients: Sequence[Ingredient]) -> list[int]:
    """The rows of a batch that each part has: whole numbers nearest to the weights. Raises ConfigError for none."""
    weights = np.array([part.weight for part in ingredients], float)
    if not (weights > 0).all():
        raise ConfigError(f"weights: {weights.tolist()} must all be above 0; leave out what is not to be read")
    wanted = batch * weights / weights.sum()
    counts = np.floor(wanted).astype(int)
    most = np.argsort(counts - wanted, kind="stable")[: batch - counts.sum()]
    counts[most] += 1
    if not counts.all():
        part = ingredients[int(np.argmin(counts))]
        raise ConfigError(
            f"global_batch_size: of {batch} rows {part.name} has none, by a weight of {part.weight:g} of "
            f"{weights.sum():g}; give {int(np.ceil(weights.sum() / part.weight))} or more, or weigh it more"
        )
    return [int(count) for count in counts]


def strata(plan: Plan, column: str) -> tuple[Plan, dict[Any, Ingredient]]:
    """The values of a column as parts, weighed by their rows, and the plan whose row groups have one value each.

    Raises SchemaError.
    """
    names = [one.name for one in plan.partition_by]
    if column in names:
        constants = [of_file[names.index(column)] for of_file in plan.constants]
        of_groups = [constants[owner] for owner in plan.owners]
        values = sorted(set(constants), key=str)
    else:
        _check(plan, column)
        values, places = values_of(plan, column)
        plan = cut(plan, [list(of_group.values()) for of_group in places])
        of_groups = [value for of_group in places for value in of_group]
    found = {}
    for value in values:
        groups = np.flatnonzero([other == value for other in of_groups])
        found[value] = Ingredient(f"{column} {value!r}", float(plan.rows[groups].sum()), groups)
    return plan, found


def weighed(
    parts: Mapping[Any, Ingredient], weights: Mapping[Any, float] | None, column: str
) -> tuple[Ingredient, ...]:
    """The parts with other weights, those that have one; all that have rows if there are none. Raises ConfigError."""
    if weights is None:
        return tuple(part for part in parts.values() if part.weight)
    unknown = [value for value in weights if value not in parts]
    if unknown:
        known = [str(value) for value in parts]
        raise ConfigError(f"weights: no row has {column} {unknown[0]!r}{did_you_mean(str(unknown[0]), known)}")
    return tuple(replace(parts[value], weight=float(weight)) for value, weight in weights.items())


def _check(plan: Plan, column: str) -> None:
    types = {one.name: one.type for one in plan.columns}
    if column not in types:
        raise SchemaError(f"stratify: {column!r} is no column that is read{did_you_mean(column, plan.names)}")
    known = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_boolean)
    if not any(is_one(types[column]) for is_one in known):
        raise SchemaError(f"stratify: {column!r} is {types[column]}; give a column of text, integers or booleans")


def joined(plans: Sequence[Plan], weights: Sequence[float]) -> tuple[Plan, tuple[Ingredient, ...]]:
    """One plan of the row groups of several, and each as a part of it. Raises SchemaError if their columns differ."""
    first = plans[0]
    for plan in plans[1:]:
        if (plan.columns, plan.partition_by) != (first.columns, first.partition_by):
            differs = set(plan.columns + plan.partition_by) ^ set(first.columns + first.partition_by)
            named = sorted({column.name for column in differs}) or ["order of columns"]
            raise SchemaError(
                f"{plan.path} and {first.path} differ in {named[0]!r}; name the columns that both have alike"
            )
        if plan.fillings != first.fillings:
            raise SchemaError(f"{plan.path} and {first.path} differ in `nulls`; open both with the same")
        if plan.scalings != first.scalings:
            raise SchemaError(
                f"{plan.path} and {first.path} were left to be scaled in different ways; fit one model for both, or "
                "open both with scale=False"
            )
    files = np.cumsum([0, *(len(plan.files) for plan in plans)])
    groups = np.cumsum([0, *(len(plan.rows) for plan in plans)])
    starts = zip((int(start) for start in groups), plans, strict=False)
    kept = {start + number: rows for start, plan in starts for number, rows in plan.kept.items()}
    total = sum(plan.total for plan in plans)
    whole = replace(
        first,
        path=", ".join(plan.path for plan in plans),
        table=hashlib.sha256(" ".join(plan.fingerprint for plan in plans).encode()).hexdigest()[:32],
        files=tuple(file for plan in plans for file in plan.files),
        sizes=tuple(size for plan in plans for size in plan.sizes),
        constants=tuple(values for plan in plans for values in plan.constants),
        owners=np.concatenate([plan.owners + start for start, plan in zip(files, plans, strict=False)]),
        numbers=np.concatenate([plan.numbers for plan in plans]),
        rows=np.concatenate([plan.rows for plan in plans]),
        kept=kept,
        bytes_a_row=sum(plan.bytes_a_row * plan.total for plan in plans) / max(1, total),
    )
    parts = [
        Ingredient(plan.path, weight, np.arange(start, start + len(plan.rows)))
        for plan, weight, start in zip(plans, weights, groups, strict=False)
    ]
    return whole, tuple(parts)
