"""How the numbers of a column lie: their tails, what bends these, which rule finds what lies far out, and how much."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from genspark.pipeline import Pipeline
from genspark.steps import Transform

Numbers = npt.NDArray[np.float64]

SKEWED = 1.0
NEAR_NORMAL_SKEW, NEAR_NORMAL_KURTOSIS = 0.5, 1.0
DEVIATIONS, RANGES = 4.0, 3.0
_STANDS_FOR_MISSING, _CAPPED, _MANY = 0.005, 0.01, 0.5

_SIMPLE: Mapping[str, Callable[[Numbers], Numbers]] = {"sqrt": np.sqrt, "log1p": np.log1p}


@dataclass(frozen=True)
class Repeated:
    """The least or greatest value where that is many rows', by its share of the values.

    It `stands_apart` where it lies further from all others than these are spread: it stands for missing, then, and the
    rule of `ranges` quartile ranges finds it and nothing else (None: no such rule does). Else values end there.
    """

    value: float
    share: float
    is_least: bool
    stands_apart: bool
    ranges: float | None = None


@dataclass(frozen=True)
class Tail:
    """The numbers of a column without those that stand for missing, in the sample.

    `function` is what bends the tail best, empty for none; `skew`, `kurtosis` (0 for a normal distribution) and the
    rule are those of what it gives. `touched` is the share that the rule finds, which is by deviations (zscore) or by
    quartile ranges (iqr); there is no rule where half of the values are equal. `most` is the most frequent value.
    """

    function: str
    skew_before: float
    skew: float
    kurtosis: float
    method: str
    touched: float
    least: float
    greatest: float
    most: float
    most_share: float


def skew_of(numbers: Numbers) -> float | None:
    """The third standardised moment; None where there is no spread."""
    return _moment(numbers, 3)


def repeated_of(numbers: Numbers) -> Repeated | None:
    """The extreme that many rows have, such as -999; None where there is none."""
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) < 10:
        return None
    ends = ((0, 1, True), (len(values) - 1, len(values) - 2, False))
    for at, nearest, is_least in ends:
        share = counts[at] / len(numbers)
        if counts[at] >= 5 and share >= _STANDS_FOR_MISSING:
            low, high = np.quantile(numbers[numbers != values[at]], [0.01, 0.99])
            if abs(values[at] - values[nearest]) > high - low:
                return Repeated(float(values[at]), float(share), is_least, True, _ranges(numbers, values[at]))
        is_often = share >= _CAPPED and share > 5.0 / len(values)
        if is_often and not is_least and counts[at] > 3 * counts[nearest]:
            return Repeated(float(values[at]), float(share), is_least, False)
    return None


def tail_of(numbers: Numbers) -> Tail | None:
    """How finite numbers lie; None where there is no spread."""
    before = skew_of(numbers)
    if before is None:
        return None
    values, counts = np.unique(numbers, return_counts=True)
    most = int(counts.argmax())
    function, bent = _bent(numbers, before, share_of_most=counts[most] / len(numbers))
    skew, kurtosis = skew_of(bent) or 0.0, (_moment(bent, 4) or 3.0) - 3.0
    method, touched = _rule(bent, skew, kurtosis)
    return Tail(
        function,
        before,
        skew,
        kurtosis,
        method,
        touched,
        float(values[0]),
        float(values[-1]),
        float(values[most]),
        float(counts[most] / len(numbers)),
    )


def _bent(numbers: Numbers, before: float, share_of_most: float) -> tuple[str, Numbers]:
    """The function that leaves the least skew, and what it gives: the simple ones first, which learn nothing."""
    best, bent, skew = "", numbers, abs(before)
    if before > SKEWED and numbers.min() >= 0.0:
        for name, function in _SIMPLE.items():
            after = function(numbers)
            left = abs(skew_of(after) or math.inf)
            if left < skew:
                best, bent, skew = name, after, left
    if skew > SKEWED and len(numbers) >= 30 and share_of_most < _MANY:
        after = _yeo_johnson(numbers)
        left = abs(skew_of(after) or math.inf)
        # Heavy at both ends is not bent by a power, though that may take skew away that a few values make.
        is_one_sided = (_moment(after, 4) or math.inf) < 0.5 * (_moment(numbers, 4) or 0.0)
        if left < 0.5 * skew and is_one_sided:
            best, bent = "yeo-johnson", after
    return best, bent


def _yeo_johnson(numbers: Numbers) -> Numbers:
    frame = pl.DataFrame({"x": numbers})
    model = Pipeline([Transform(columns=("x",), function="yeo-johnson")]).fit(frame)
    after: Numbers = model.transform(frame)["x"].to_numpy()
    return np.asarray(after[np.isfinite(after)], np.float64)


def _rule(numbers: Numbers, skew: float, kurtosis: float) -> tuple[str, float]:
    if abs(skew) <= NEAR_NORMAL_SKEW and abs(kurtosis) <= NEAR_NORMAL_KURTOSIS:
        far = np.abs(numbers - numbers.mean()) > DEVIATIONS * numbers.std()
        return "zscore", float(far.mean())
    first, third = _quartiles(numbers)
    if first == third:
        return "", 0.0
    return "iqr", float(_beyond(numbers, first, third, RANGES).mean())


def _quartiles(numbers: Numbers) -> tuple[float, float]:
    first, third = np.quantile(numbers, [0.25, 0.75])
    return first, third


def _beyond(numbers: Numbers, first: float, third: float, ranges: float) -> npt.NDArray[np.bool_]:
    """Which numbers lie so many quartile ranges beyond the quartiles."""
    reach = ranges * (third - first)
    return np.asarray((numbers < first - reach) | (numbers > third + reach), np.bool_)


def _ranges(numbers: Numbers, value: float) -> float | None:
    """The quartile ranges beyond which lies a value and no other."""
    first, third = _quartiles(numbers)
    if first == third:
        return None
    is_it = numbers == value
    able = (r for r in (3.0, 5.0, 10.0, 20.0) if (is_it == _beyond(numbers, first, third, r)).all())
    return next(able, None)


def _moment(numbers: Numbers, order: int) -> float | None:
    """A standardised moment; None where there is no spread."""
    if len(numbers) < 3:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        apart = numbers - numbers.mean()
        spread = math.sqrt(float((apart**2).mean()))
        if not spread > 1e-12 * max(1.0, float(np.abs(numbers).max())) or not math.isfinite(spread):
            return None
        return float(((apart / spread) ** order).mean())
