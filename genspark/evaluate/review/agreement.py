"""Agreement of reviewers: Krippendorff's alpha and Fleiss' kappa."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genspark.errors import DataError
from genspark.evaluate import parts
from genspark.evaluate.score import Score, signature

if TYPE_CHECKING:
    import pyarrow as pa

Level = Literal["nominal", "ordinal", "interval", "ratio"]
REPLICATES = 1000


@dataclass(frozen=True)
class Verdicts:
    """The rating that each reviewer gave each unit."""

    of: Mapping[tuple[Any, Any], Any]

    def merged(self, other: Verdicts) -> Verdicts:
        """The ratings of both. Raises DataError where a reviewer judged a unit twice."""
        twice = next((pair for pair in other.of if pair in self.of), None)
        if twice:
            raise _twice(twice)
        return Verdicts({**self.of, **other.of})


def agreement(frame: Any, *, unit: str, reviewer: str, rating: str, level: Level = "nominal", seed: int = 0) -> Score:
    """Krippendorff's alpha of ratings, one a row: 1 is full agreement, 0 what chance would give.

    `level` is that of the ratings: names, ranks, numbers, or numbers with a true 0. A null rating is none; units with
    fewer than two ratings are left out. `parts` has Fleiss' kappa where every unit has as many ratings. The interval is
    by the bootstrap over units. Raises DataError for two verdicts of one reviewer on a unit, for ratings that are no
    numbers where the level needs them, and where no unit has two ratings. Sources: K. Krippendorff, "Computing
    Krippendorff's alpha-reliability", 2011; J. L. Fleiss, "Measuring nominal scale agreement among many raters", 1971.
    """
    work = functools.partial(_verdicts, columns=(unit, reviewer, rating))
    given = parts.merged(frame, [unit, reviewer, rating], work)
    by_unit: dict[Any, list[Any]] = {}
    for (each, _), value in given.of.items():
        by_unit.setdefault(each, []).append(value)
    pairable = {
        each: values for each, values in sorted(by_unit.items(), key=lambda pair: repr(pair[0])) if len(values) > 1
    }
    if not pairable:
        raise DataError(f"no unit of column {unit!r} has two ratings; agreement needs two reviewers on a unit")
    if level != "nominal" and not all(isinstance(v, int | float) for values in pairable.values() for v in values):
        raise DataError(f"level: {level} needs numbers in column {rating!r}; of names choose nominal")
    counts, values = _counted(list(pairable.values()))
    apart = _differences(values, counts.sum(axis=0), level)
    alpha = _alpha(counts, apart)
    chance = np.random.default_rng(seed)
    drawn = [_alpha(counts[chance.integers(0, len(counts), len(counts))], apart) for _ in range(REPLICATES)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    ratings = counts.sum(axis=1)
    found = {"units": float(len(counts)), "ratings": float(ratings.sum())}
    if len(set(ratings.tolist())) == 1 and len(pairable) == len(by_unit):
        found["fleiss_kappa"] = fleiss(counts)
    return Score(alpha, len(counts), signature("agreement", level=level), (float(low), float(high)), found)


def fleiss(counts: Any) -> float:
    """Fleiss' kappa of how often each unit got each rating: (units, ratings), as many ratings a unit."""
    counts = np.asarray(counts, dtype=np.float64)
    n = counts.sum(axis=1)[0]
    observed = ((counts**2).sum(axis=1) - n) / (n * (n - 1))
    by_chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return float((observed.mean() - by_chance) / (1.0 - by_chance)) if by_chance < 1.0 else 1.0


def _verdicts(found: Iterator[pa.Table], columns: tuple[str, str, str]) -> Verdicts:
    of: dict[tuple[Any, Any], Any] = {}
    for table in found:
        rows = zip(*(table.column(column).to_pylist() for column in columns), strict=True)
        for unit, reviewer, rating in rows:
            if rating is None:
                continue
            if (unit, reviewer) in of:
                raise _twice((unit, reviewer))
            of[unit, reviewer] = rating
    return Verdicts(of)


def _twice(pair: tuple[Any, Any]) -> DataError:
    return DataError(f"reviewer {pair[1]!r} judged {pair[0]!r} twice; keep one verdict")


def _counted(units: Sequence[Sequence[Any]]) -> tuple[Any, list[Any]]:
    """How often each unit got each value: (units, values), and the values."""
    values = sorted({value for ratings in units for value in ratings}, key=_sortable)
    counts = np.zeros((len(units), len(values)))
    places = {value: i for i, value in enumerate(values)}
    for row, ratings in enumerate(units):
        for value, count in Counter(ratings).items():
            counts[row, places[value]] = count
    return counts, values


def _sortable(value: Any) -> Any:
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


def _differences(values: Sequence[Any], totals: Any, level: Level) -> Any:
    """The squared difference of each pair of values."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "ordinal":
        # Between two ranks lie the ratings from the one to the other, half of those at both ends.
        below = np.cumsum(totals) - totals / 2.0
        return (below[:, None] - below[None, :]) ** 2
    numbers = np.array(values, dtype=np.float64)
    apart = (numbers[:, None] - numbers[None, :]) ** 2
    if level == "interval":
        return apart
    sums = numbers[:, None] + numbers[None, :]
    return np.divide(apart, sums**2, out=np.zeros_like(apart), where=sums != 0)


def _alpha(counts: Any, apart: Any) -> float:
    """1 - observed / expected disagreement."""
    per_unit = counts.sum(axis=1)
    n, totals = per_unit.sum(), counts.sum(axis=0)
    observed = ((counts @ apart) * counts).sum(axis=1) / (per_unit - 1.0)
    expected = totals @ apart @ totals / (n - 1.0)
    return float(1.0 - observed.sum() / expected) if expected > 0 else 1.0
