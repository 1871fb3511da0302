"""A score: its value with an interval, what it was computed from, and a signature that tells like from unlike."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genspark.errors import DataError
from genspark.statistics.shares import wilson


@dataclass(frozen=True)
class Score:
    """A metric's value.

    `interval` is the range that holds the value with a probability of 95 %, None where it is not estimated. `n` counts
    what was scored: images, segments, tokens, rows, units. `signature` are the metric, its version and every parameter
    that changes the value. `parts` are the values that the score is made of, by name. `warnings` say what lessens its
    worth, such as too few samples. `sides` tell of rows that came from tables: path, version, and the run and the model
    behind them.
    """

    value: float
    n: int
    signature: Mapping[str, Any]
    interval: tuple[float, float] | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    sides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """The name of the metric."""
        return str(self.signature["metric"])

    @property
    def digest(self) -> str:
        """The SHA-256 of the signature: scores are comparable where it is equal."""
        return hashlib.sha256(json.dumps(self.signature, sort_keys=True).encode()).hexdigest()

    def minus(self, other: Score) -> float:
        """How much this value is above another one. Raises DataError where they are of unlike signatures."""
        names = sorted({*self.signature, *other.signature})
        unlike = [name for name in names if self.signature.get(name) != other.signature.get(name)]
        if unlike:
            told = ", ".join(
                f"{name} {self.signature.get(name)!r} and {other.signature.get(name)!r}" for name in unlike
            )
            raise DataError(f"these scores cannot be compared, for they differ in {told}; score both alike")
        return self.value - other.value

    def __str__(self) -> str:
        interval = f" [{self.interval[0]:.6g}, {self.interval[1]:.6g}]" if self.interval else ""
        return f"{self.metric} {self.value:.6g}{interval} (n = {self.n:,})"


def signature(metric: str, **parameters: Any) -> dict[str, Any]:
    """The signature of a metric of this version of its computation, with its parameters."""
    return {"metric": metric, "version": 1, **parameters}


def of_mean(values: Sequence[float]) -> tuple[float, float] | None:
    """The interval of 95 % of the mean of some values, by their spread; None of a single one."""
    if len(values) < 2:
        return None
    mean, error = statistics.fmean(values), 1.96 * statistics.stdev(values) / len(values) ** 0.5
    return (mean - error, mean + error)


def share_interval(share: float, n: int) -> tuple[float, float]:
    """The interval of 95 % of a share of n, by Wilson."""
    return wilson(share, n, 1.96)
