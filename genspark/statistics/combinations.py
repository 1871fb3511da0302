"""`Combinations`: counts of the values that columns have together, for classes of rows that look alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from genspark.columns.coarser import Cut
from genspark.errors import DataError
from genspark.statistics.base import State, Statistic, in_order, seen

MOST = 100_000


@dataclass(frozen=True)
class Combinations(Statistic):
    """Counts of the distinct combinations of values of some columns, each made coarser by its cut first.

    Columns hold text, numbers, booleans, days or times, and are counted in the form of `columns.coarser.plain`; a cut
    that is left out is none. State: `rows`, a list of [value, ..., count] sorted by value, null first. More than
    100,000 combinations are refused. It tells what single persons have: no model keeps it.
    """

    cuts: tuple[Cut, ...] = ()

    kind: ClassVar[str] = "combinations"
    is_kept: ClassVar[bool] = False

    def empty(self) -> State:
        return {"rows": []}

    def merge_ungrouped(self, a: State, b: State) -> State:
        counts: dict[tuple[Any, ...], int] = {tuple(values): count for *values, count in a["rows"]}
        for *values, count in b["rows"]:
            counts[tuple(values)] = counts.get(tuple(values), 0) + count
        return self.state(counts)

    def state(self, counts: dict[tuple[Any, ...], int]) -> State:
        """The state of these counts. Raises DataError for too many."""
        self.check(len(counts))
        keys = list(counts)
        return {"rows": [[*key, counts[key]] for _, key in in_order(keys)]}

    def check(self, number: int) -> None:
        """Raise DataError for more combinations than are counted. Engines ask while they gather."""
        if number > MOST:
            raise DataError(
                f"columns {[seen(column) for column in self.columns]} have more than {MOST:,} combinations of values; "
                "make them coarser from the beginning, or name fewer"
            )
