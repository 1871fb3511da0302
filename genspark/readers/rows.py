"""Single rows by their number in the table's order: each costs at most one row group, which is kept for the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from genspark.readers.dense import objects, taken
from genspark.readers.groups import Counts, Groups
from genspark.readers.order import Order
from genspark.readers.plan import Plan
from genspark.readers.resident import Resident


class RowReader:
    """Rows of a plan. Row groups of `memory` bytes are kept, those that were used last."""

    def __init__(self, plan: Plan, memory: int) -> None:
        self._plan, self._memory = plan, memory
        self.counts = Counts()
        self._order = Order(plan.rows, 1, shuffle="sequential")
        self._resident = Resident(Groups(plan, self.counts), None, memory)

    def __reduce__(self) -> tuple[Any, ...]:
        return RowReader, (self._plan, self._memory)

    def __len__(self) -> int:
        return self._plan.total

    def rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of some numbers, negative ones from the end, as dictionaries. Raises IndexError."""
        total = len(self)
        wrong = [number for number in numbers if not -total <= number < total]
        if wrong:
            raise IndexError(f"row {wrong[0]} is none of {total} rows")
        at = self._order.row_at(np.array([number % total for number in numbers], np.int64))
        found: list[dict[str, Any]] = [{} for _ in numbers]
        for number in np.unique(at.groups):
            here = np.flatnonzero(at.groups == number)
            group = self._resident.get(int(number))
            for name in self._plan.names:
                values = taken(group.column(name), at.places[here])
                values = values if isinstance(values, np.ndarray) else objects(values)
                for place, value in zip(here, values, strict=True):
                    found[place][name] = value
        return found
