"""Quantiles: by a KLL sketch with a stated rank error, or exactly."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from genspark.errors import PlanError
from genspark.statistics.base import State, Statistic, merge_counts
from genspark.statistics.distances import Values
from genspark.statistics.moments import COUNTS

if TYPE_CHECKING:
    from datasketches import kll_doubles_sketch

DEFAULT_RANK_ERROR = 0.005
SMALLEST_K, LARGEST_K = 8, 65_535


@dataclass(frozen=True)
class Quantiles(Statistic):
    """Quantiles of the finite values of one numeric column.

    With `rank_error` > 0 the state holds a KLL sketch in the binary format of Apache DataSketches,
    in base64: with 99 % confidence the value it gives for rank q has a true rank within q +-
    rank_error. While the column has at most `k` values the sketch holds them all, and the answer
    is exact. An affine map that came after (`center`, `scale`, `offset`) is kept beside it.

    With `rank_error` 0 the state holds the exact values at `probabilities` and does not merge; parts do, which
    hold every finite value (`data`, float64) until `finish`.

    States also have `count`, `missing`, `positive_infinities` and `negative_infinities` (rows).
    Between two values the answer is interpolated as NumPy does by default.

    Source: Z. Karnin, K. Lang, E. Liberty, "Optimal Quantile Approximation in Streams", FOCS 2016;
    the error of a given k: DataSketches, `kll_helper.normalized_rank_error`.
    """

    rank_error: float = DEFAULT_RANK_ERROR
    probabilities: tuple[float, ...] = ()

    kind: ClassVar[str] = "quantiles"

    def __post_init__(self) -> None:
        # A sketch answers every probability, so the requests of two steps are one sketch.
        if self.rank_error:
            object.__setattr__(self, "probabilities", ())
            if _k(self.rank_error) > LARGEST_K:
                raise PlanError(
                    f"rank_error {self.rank_error:g} of {self.column!r} needs a larger sketch than there is: "
                    "give 0.00005 or more, or 0 for exact quantiles"
                )

    @property
    def k(self) -> int:
        """The sketch's size parameter: the smallest that keeps to the rank error."""
        return max(SMALLEST_K, _k(self.rank_error))

    def empty(self) -> State:
        counts = {"count": 0, **dict.fromkeys(COUNTS, 0)}
        if self.rank_error:
            return {**counts, "sketch": None, **identity()}
        return {**counts, "values": None}

    def merge_ungrouped(self, a: State, b: State) -> State:
        counts = merge_counts(a, b, "count", *COUNTS)
        if a["count"] == 0 or b["count"] == 0:
            return {**(b if a["count"] == 0 else a), **counts}
        if "data" in a and "data" in b:
            return {**counts, "data": np.concatenate([a["data"], b["data"]])}
        if not self.rank_error:
            raise PlanError(
                f"exact quantiles of {self.column!r} do not merge: fit all the data at once, or set rank_error above 0"
            )
        if any(a[name] != b[name] for name in identity()):
            raise PlanError(f"quantile sketches of {self.column!r} in different units do not merge")
        sketch = decode(a["sketch"])
        sketch.merge(decode(b["sketch"]))
        return {**a, **counts, "sketch": encode(sketch)}

    def finish_ungrouped(self, part: State) -> State:
        if "data" not in part:
            return part
        counts = {name: count for name, count in part.items() if name != "data"}
        values = np.quantile(part["data"], self.probabilities).tolist() if counts["count"] else None
        return {**counts, "values": values}

    def filled(self, state: State, value: float) -> State | None:
        if not self.rank_error:
            return None
        if not state["missing"]:
            return state
        in_sketch_units = (float(value) - state["offset"]) * state["scale"] + state["center"]
        mass = {**state, **dict.fromkeys(COUNTS, 0), "count": state["missing"]}
        mass["sketch"] = encode(_repeated(in_sketch_units, state["missing"], self.k))
        return self.merge_ungrouped({**state, "missing": 0}, mass)

    def affine(self, state: State, center: float, scale: float, offset: float) -> State:
        if not self.rank_error:
            values = state["values"]
            moved = None if values is None else [(value - center) / scale + offset for value in values]
            return {**state, "values": moved}
        # x -> ((x - c) / s + o - center) / scale + offset, with c, s, o the map that was there. All that
        # is subtracted is subtracted from x, first: a large offset of the column costs no digits.
        return {
            **state,
            "center": state["center"] + (center - state["offset"]) * state["scale"],
            "scale": state["scale"] * scale,
            "offset": offset,
        }

    def read(self, state: State, probabilities: tuple[float, ...]) -> list[float] | None:
        """The quantiles at these probabilities in [0, 1]; None when there is no finite value.

        Raises PlanError for a probability that exact quantiles were not asked for.
        """
        if state["count"] == 0:
            return None
        if not self.rank_error:
            known = dict(zip(self.probabilities, state["values"], strict=True))
            absent = [p for p in probabilities if p not in known]
            if absent:
                raise PlanError(f"exact quantiles of {self.column!r} were not computed at {absent}")
            return [float(known[p]) for p in probabilities]
        sketch = decode(state["sketch"])
        if sketch.is_estimation_mode():
            values = [sketch.get_quantile(p, True) for p in probabilities]
        else:
            values = list(np.quantile([value for value, _ in sketch], probabilities))
        center, scale, offset = state["center"], state["scale"], state["offset"]
        return [(float(value) - center) / scale + offset for value in values]


def holds_too_many(column: str, limit: int) -> str:
    """The message for exact quantiles that would hold more values than `limit`."""
    return (
        f"exact quantiles of {column!r} hold every value in memory, and there are more than {limit:,}; "
        "set rank_error above 0, or engine: spark"
    )


def _k(rank_error: float) -> int:
    smallest: float = (2.296 / rank_error) ** (1 / 0.9723)
    return math.ceil(smallest)


def identity() -> dict[str, float]:
    """The affine map that changes nothing."""
    return {"center": 0.0, "scale": 1.0, "offset": 0.0}


def new_sketch(k: int) -> kll_doubles_sketch:
    """A new, empty sketch."""
    return _sketches().kll_doubles_sketch(k)


def encode(sketch: kll_doubles_sketch) -> str:
    """A sketch as base64 text."""
    return base64.b64encode(sketch.serialize()).decode("ascii")


def decode(text: str) -> kll_doubles_sketch:
    """The sketch that `encode`, or Spark's `kll_sketch_agg_double`, wrote."""
    return _sketches().kll_doubles_sketch.deserialize(base64.b64decode(text))


def distribution(state: State) -> tuple[Values, Values]:
    """The values that a sketch holds, all or a sample of them, ascending, and the share of the column up to each."""
    held = np.array(list(decode(state["sketch"])), np.float64).reshape(-1, 2)
    values = (held[:, 0] - state["center"]) / state["scale"] + state["offset"]
    order = np.argsort(values)
    weights: Values = np.cumsum(held[order, 1])
    return values[order], weights / weights[-1]


def _repeated(value: float, times: int, k: int) -> kll_doubles_sketch:
    """A sketch of one value `times` times, by doubling: log2(times) merges."""
    kll = _sketches().kll_doubles_sketch
    result, power = kll(k), kll(k)
    power.update(value)
    while times:
        if times & 1:
            result.merge(power)
        times >>= 1
        if times:
            twin = kll.deserialize(power.serialize())
            power.merge(twin)
    return result


def _sketches() -> Any:
    # Imported late: applying a fitted model needs no sketch.
    import datasketches

    return datasketches
