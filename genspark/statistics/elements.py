"""Moments and extremes of vectors: of each element, or of all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from genspark.columns.vectors import ragged
from genspark.statistics.base import State, Statistic, merge_counts
from genspark.statistics.moments import COUNTS, Moments

LISTS = ("count", *COUNTS, "mean", "m2", "min", "max")
"""The entries of a state that are lists over the elements: counts, moments and extremes."""


@dataclass(frozen=True)
class Elements(Statistic):
    """Moments and extremes of one column of vectors: arrays of numbers of one length, or image bytes.

    `over` each: of every element by itself, as if it were a column. `over` all: of all elements
    together. State: `size` of a vector (None while no row has one), `vectors` and `null_vectors`
    (rows), and lists with an entry for each element, or one entry: `count`, `missing`,
    `positive_infinities`, `negative_infinities`, `mean` (0 when count is 0), `m2`, `min` and `max`
    (None when count is 0). The elements of a null vector are not counted as missing. `norm` has the
    moments of the Euclidean norm of the vectors whose elements are all finite.

    Sources as in `Moments`; merged for all elements at once. Vectors that differ in length do not
    merge: DataError.
    """

    over: Literal["each", "all"] = "each"

    kind: ClassVar[str] = "elements"

    def empty(self) -> State:
        lists: State = {name: [] for name in LISTS}
        return {"size": None, "vectors": 0, "null_vectors": 0, **lists, "norm": _norms(self).empty()}

    def merge_ungrouped(self, a: State, b: State) -> State:
        rows = merge_counts(a, b, "vectors", "null_vectors")
        if a["size"] is None or b["size"] is None:
            return {**(b if a["size"] is None else a), **rows}
        if a["size"] != b["size"]:
            raise ragged(self.column, a["size"], b["size"])
        x, y = ({name: _array(state[name]) for name in LISTS} for state in (a, b))
        counts = {name: (x[name] + y[name]).astype(np.int64).tolist() for name in ("count", *COUNTS)}
        n = np.maximum(x["count"] + y["count"], 1)
        share, delta = y["count"] / n, np.where(x["count"] * y["count"] > 0, y["mean"] - x["mean"], 0.0)
        mean = np.where(x["count"] > 0, x["mean"] + delta * share, y["mean"])
        m2 = x["m2"] + y["m2"] + delta * delta * x["count"] * share
        ends = {"min": np.fmin(x["min"], y["min"]), "max": np.fmax(x["max"], y["max"])}
        return {
            "size": a["size"],
            **rows,
            **counts,
            "mean": mean.tolist(),
            "m2": m2.tolist(),
            **{name: _nullable(values) for name, values in ends.items()},
            "norm": _norms(self).merge_ungrouped(a["norm"], b["norm"]),
        }


def _norms(statistic: Elements) -> Moments:
    return Moments(statistic.columns)


def _array(values: list[Any]) -> Any:
    """A list of numbers as float64, None as NaN."""
    return np.array(values, dtype=np.float64)


def _nullable(values: Any) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
