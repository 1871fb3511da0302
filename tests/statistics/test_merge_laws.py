"""The merge law on Polars: state(A) + state(B) = state(A u B), for every statistic, however the rows are cut."""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genspark.engines.gathered import Gathered
from genspark.engines.polars import scan as polars_scan
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.polars.scan import gather, gatherer
from genspark.errors import DataError
from genspark.statistics import Extremes, Frequencies, Moments, Quantiles, State, Statistic

sys.path.append(str(Path(__file__).resolve().parents[1] / "contract"))
from cases import statistics_of, tables, with_groups

FEW = settings(deadline=None, max_examples=25, derandomize=True)
MANY = settings(FEW, max_examples=100)
KINDS = [kind for kind, found in Statistic.registry.items() if found.__module__.startswith("genspark.")]
REQUESTS = [request for kind in KINDS for request in statistics_of(kind)]
EVERY = [*REQUESTS, *(with_groups(request) for request in REQUESTS)]
every_request = pytest.mark.parametrize("statistic", EVERY, ids=str)

POOL = pl.DataFrame(pl.from_arrow(pa.concat_tables(tables().values())))
"""Rows of all the contract's tables: usual values, nulls, NaN, infinities, constants."""


def scanned(frame: pl.DataFrame, statistic: Statistic) -> State:
    return PolarsEngine().scan(nw.from_native(frame.lazy()), [statistic])[statistic]


def in_parts(frames: Sequence[pl.DataFrame], statistic: Statistic) -> State:
    """The state of frames that were scanned one by one, as a runner merges them."""
    each = [gather(frame.lazy(), [statistic]) for frame in frames]
    return functools.reduce(Gathered.merged, each).states()[statistic]


def plain(statistic: Statistic) -> Statistic:
    return dataclasses.replace(statistic, by=())


@st.composite
def cut(draw: Any, rows: Any) -> list[list[Any]]:
    """Some rows, cut into parts; a part may be empty."""
    some = draw(rows)
    ends = sorted(draw(st.lists(st.integers(0, len(some)), max_size=3)))
    return [some[start:end] for start, end in zip([0, *ends], [*ends, len(some)], strict=True)]


# --- every statistic there is -------------------------------------------------------------------------------

CUT_ROWS = cut(st.lists(st.integers(0, POOL.height - 1), max_size=30))


def comparable(statistic: Statistic, state: State) -> Any:
    """The state, a sketch told by the quantiles it gives."""
    if statistic.by:
        return [[group["by"], comparable(plain(statistic), group["state"])] for group in state["groups"]]
    if isinstance(statistic, Quantiles):
        return {**state, "sketch": statistic.read(state, tuple(np.linspace(0, 1, 9)))}
    return state


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers(item)]
    return [abs(value)] if isinstance(value, float) else []


def close(value: Any, scale: float | None = None) -> Any:
    """The value, the floats in it to 1e-9 of themselves or of the largest."""
    scale = max([1.0, *numbers(value)]) if scale is None else scale
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-9, abs=1e-9 * scale)
    if isinstance(value, dict):
        return {name: close(item, scale) for name, item in value.items()}
    return [close(item, scale) for item in value] if isinstance(value, list | tuple) else value


@every_request
@given(CUT_ROWS, st.randoms(use_true_random=False))
@FEW
def test_states_of_parts_merge_in_any_order_to_the_state_of_all(statistic, rows, random):
    states = [scanned(POOL[part], statistic) for part in rows]
    random.shuffle(states)
    whole = scanned(POOL[[row for part in rows for row in part]], statistic)
    assert comparable(statistic, functools.reduce(statistic.merge, states)) == close(comparable(statistic, whole))


@every_request
@given(CUT_ROWS)
@FEW
def test_batches_of_any_size_give_the_state_of_all(statistic, rows):
    whole = scanned(POOL[[row for part in rows for row in part]], statistic)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polars_scan, "BLOCK_ROWS", 7)
        gathering = gatherer([statistic])
        for part in rows:
            if part:
                gathering.see(POOL[part])
        state = statistic.finish(gathering.parts()[statistic])
    assert comparable(statistic, state) == close(comparable(statistic, whole))


@every_request
@given(CUT_ROWS)
@FEW
def test_the_state_of_no_rows_changes_nothing(statistic, rows):
    state, none = scanned(POOL[rows[0]], statistic), scanned(POOL.clear(), statistic)
    assert none == ({"groups": []} if statistic.by else statistic.empty())
    assert statistic.merge(state, none) == state
    assert statistic.merge(none, state) == state


# --- against NumPy ------------------------------------------------------------------------------------------

INF, NAN = math.inf, math.nan
LEAST, EPSILON = 1e-300, float(np.finfo(np.float64).eps)
SPECIAL = st.sampled_from([None, NAN, INF, -INF, 0.0, -0.0, 1.0])
NUMBERS = st.one_of(
    st.lists(st.one_of(SPECIAL, st.floats(-1e6, 1e6)), max_size=20),
    st.lists(st.one_of(SPECIAL, st.floats(-10, 10).map(lambda x: 1e8 + 0.1 + x)), max_size=20),
    st.lists(st.one_of(SPECIAL, st.floats(-1e300, 1e300)), max_size=20),
    st.lists(st.sampled_from([None, NAN]), max_size=20),
)


@st.composite
def grouped_rows(draw: Any) -> list[tuple[str | None, float | None]]:
    values = draw(NUMBERS)
    groups = draw(st.lists(st.sampled_from([None, "", "a"]), min_size=len(values), max_size=len(values)))
    return list(zip(groups, values, strict=True))


CUT_NUMBERS = cut(grouped_rows())
with_and_without_by = pytest.mark.parametrize("by", [(), ("g",)], ids=["all rows", "by group"])


def frame(rows: Sequence[tuple[str | None, float | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"g": pl.String, "x": pl.Float64}, orient="row", strict=False)


def by_group(rows: Sequence[tuple[str | None, float | None]]) -> dict[str | None, list[float | None]]:
    """Group -> values, null first."""
    groups = sorted({group for group, _ in rows}, key=lambda group: (group is not None, group or ""))
    return {name: [value for group, value in rows if group == name] for name in groups}


def finite(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def counts(values: Sequence[float | None]) -> dict[str, int]:
    return {
        "count": len(finite(values)),
        "missing": sum(value is None or value != value for value in values),
        "positive_infinities": values.count(INF),
        "negative_infinities": values.count(-INF),
    }


def expected(rows: list[Any], by: tuple[str, ...], of_values: Any) -> Any:
    """What `of_values` makes of all values, or of those of each group, in the form of a state."""
    if not by:
        return of_values([value for _, value in rows])
    return {"groups": [{"by": [g], "state": of_values(values)} for g, values in by_group(rows).items()]}


def flat(rows: list[list[Any]]) -> list[Any]:
    return [row for part in rows for row in part]


@with_and_without_by
@given(CUT_NUMBERS)
@MANY
def test_moments_are_those_of_exact_arithmetic_or_a_stated_error(by, rows):
    def truth(values: Sequence[float | None]) -> dict[str, Any]:
        x = [Fraction(value) for value in finite(values)]
        if not x:
            return {**counts(values), "mean": 0.0, "m2": 0.0}
        mean = sum(x) / len(x)
        deviations = [value - mean for value in x]
        # What a mean may be off that is a double, and what that makes of M2.
        largest, spread = float(max(map(abs, x))), float(max(map(abs, deviations)))
        slack = 4 * EPSILON * largest
        m2 = float(sum(deviation**2 for deviation in deviations))
        within = 1e-9 * m2 + 2 * len(x) * (spread * slack + slack**2) + LEAST
        near = {"mean": pytest.approx(float(mean), abs=slack + LEAST), "m2": pytest.approx(m2, abs=within)}
        return {**counts(values), **near}

    statistic = Moments(("x",), by=by)
    largest = max(map(abs, finite([value for _, value in flat(rows)])), default=0.0)
    try:
        state = in_parts([frame(part) for part in rows], statistic)
    except DataError as error:
        state = str(error)
    if largest < 1e150:  # its square is a double, and so is all that the arithmetic meets
        assert state == expected(flat(rows), by, truth)
    elif isinstance(state, str):
        assert state == "the moments of 'x' overflow: its values are too large; scale it before"
    else:
        assert all(map(math.isfinite, numbers(state)))


@with_and_without_by
@given(CUT_NUMBERS)
@MANY
def test_extremes_are_numpys(by, rows):
    def truth(values: Sequence[float | None]) -> State:
        x = finite(values)
        ends = {"min": np.min(x), "max": np.max(x)} if x else {"min": None, "max": None}
        return {**counts(values), **ends}

    statistic = Extremes(("x",), by=by)
    assert in_parts([frame(part) for part in rows], statistic) == expected(flat(rows), by, truth)


PROBABILITIES = (0.0, 0.1, 0.5, 0.75, 1.0)


@with_and_without_by
@given(CUT_NUMBERS)
@MANY
def test_exact_quantiles_are_numpys(by, rows):
    def truth(values: Sequence[float | None]) -> State:
        x = finite(values)
        return {**counts(values), "values": np.quantile(x, PROBABILITIES).tolist() if x else None}

    statistic = Quantiles(("x",), rank_error=0, probabilities=PROBABILITIES, by=by)
    assert in_parts([frame(part) for part in rows], statistic) == expected(flat(rows), by, truth)


@with_and_without_by
@given(CUT_NUMBERS)
@MANY
def test_quantiles_of_a_sketch_that_holds_every_value_are_numpys(by, rows):
    statistic = Quantiles(("x",), by=by)

    def truth(values: Sequence[float | None]) -> tuple[int, Any]:
        return len(finite(values)), np.quantile(finite(values), PROBABILITIES).tolist() if finite(values) else None

    def read(state: State) -> tuple[int, Any]:
        return state["count"], plain(statistic).read(state, PROBABILITIES)

    state = in_parts([frame(part) for part in rows], statistic)
    groups = [{**group, "state": read(group["state"])} for group in state["groups"]] if by else []
    assert ({"groups": groups} if by else read(state)) == expected(flat(rows), by, truth)


@with_and_without_by
@given(CUT_NUMBERS)
@MANY
def test_frequencies_are_counted(by, rows):
    def truth(values: Sequence[float | None]) -> State:
        known = [value for value in values if value is not None and value == value]
        ranked = sorted(Counter(finite(values)).items(), key=lambda pair: (-pair[1], pair[0]))
        missing = len(values) - len(known)
        return {"total": len(known), "missing": missing, "values": [list(pair) for pair in ranked], "error": 0}

    statistic = Frequencies(("x",), by=by)
    assert in_parts([frame(part) for part in rows], statistic) == expected(flat(rows), by, truth)


@with_and_without_by
@given(cut(st.lists(st.tuples(st.sampled_from([None, "a"]), st.integers(0, 12).map(float)), max_size=60)))
@MANY
def test_frequencies_beyond_their_capacity_keep_to_the_error_they_state(by, rows):
    statistic = Frequencies(("x",), capacity=3, by=by)
    state = in_parts([frame(part) for part in rows], statistic)
    groups = {group["by"][0]: group["state"] for group in state["groups"]} if by else {"all": state}
    true = by_group(flat(rows)) if by else {"all": [value for _, value in flat(rows)]}
    assert list(groups) == list(true)
    for name, found in groups.items():
        listed, counted = dict(found["values"]), Counter(true[name])
        assert len(listed) <= 3
        assert found["total"] == len(true[name])
        assert all(0 <= counted[value] - listed.get(value, 0) <= found["error"] for value in counted)
