"""States from Spark against NumPy, the merge law, and the rewrites against brute force."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest
from datasketches import kll_doubles_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from genspark.engines.spark import scan_sql
from genspark.engines.spark.engine import SparkEngine
from genspark.errors import DataError, ModelError, PlanError
from genspark.statistics import Extremes, Frequencies, Moments, Quantiles, State, Statistic, from_json
from genspark.statistics import base as statistics_base
from genspark.statistics.base import check_group_types, grouped
from genspark.statistics.frequencies import mode
from genspark.statistics.moments import deviation, mean
from genspark.statistics.quantiles import decode, encode

INF, NAN = math.inf, math.nan
NUMBERS = st.lists(
    st.one_of(st.none(), st.sampled_from([NAN, INF, -INF, 0.0, 1.0]), st.floats(-1e6, 1e6, width=32)), max_size=30
)
FEW = settings(deadline=None, max_examples=60)


def finite(values: Any) -> np.ndarray:
    numbers = np.array([math.nan if value is None else value for value in values], dtype=float)
    return numbers[np.isfinite(numbers)]


def counts(values: Any) -> dict[str, int]:
    values = list(values)
    return {
        "count": len(finite(values)),
        "missing": sum(value is None or value != value for value in values),
        "positive_infinities": values.count(INF),
        "negative_infinities": values.count(-INF),
    }


def moments(values: Any) -> State:
    x = finite(values)
    average = math.fsum(x) / len(x) if len(x) else 0.0
    return {**counts(values), "mean": average, "m2": math.fsum((x - average) ** 2)}


def extremes(values: Any) -> State:
    x = finite(values)
    return {**counts(values), "min": min(x, default=None), "max": max(x, default=None)}


def quantiles(values: Any, statistic: Quantiles) -> State:
    sketch = kll_doubles_sketch(statistic.k)
    for value in finite(values):
        sketch.update(value)
    text = encode(sketch) if len(finite(values)) else None
    return {**counts(values), "sketch": text, "center": 0.0, "scale": 1.0, "offset": 0.0}


def frequencies(values: Any, statistic: Frequencies) -> State:
    known = [value for value in values if value is not None]
    return statistic.state(dict(Counter(known)), len(values) - len(known), len(known), 0)


def scan(frames: Any, table: pa.Table, *statistics: Statistic) -> dict[Statistic, State]:
    return SparkEngine().scan(nw.from_native(frames.of("spark", table)), statistics)


def close(expected: State, *, scale: float = 1.0) -> State:
    """The state with its floats compared to 1e-9, relative to themselves or to `scale`."""
    return {
        name: pytest.approx(value, rel=1e-9, abs=1e-9 * scale) if isinstance(value, float) else value
        for name, value in expected.items()
    }


# --- scanned by Spark ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed() -> pa.Table:
    random, n = np.random.default_rng(0), 3000
    normal = random.standard_normal(n)

    def sprinkled(*values: Any) -> list[Any]:
        column = normal.tolist()
        for position, value in enumerate(random.choice(n, 150, replace=False)):
            column[value] = values[position % len(values)]
        return column

    return pa.table(
        {
            "normal": normal,
            "tailed": np.exp(4 * normal),
            "nulls": pa.array(sprinkled(None)),
            "nans": sprinkled(NAN),
            "all kinds": pa.array(sprinkled(None, NAN, INF, -INF, INF)),
            "offset": normal + 1e8,
            "int64": random.integers(-(10**12), 10**12, n),
            "int16": pa.array(random.integers(-100, 100, n), pa.int16()),
            "float32": pa.array(normal, pa.float32()),
            "all null": pa.array([None] * n, pa.float64()),
            "all nan": [NAN] * n,
            "all infinite": [INF] * n,
            "constant": [0.1] * n,
            "constant, offset": [1e8 + 0.1] * n,
        }
    )


@pytest.fixture(scope="module")
def scanned(frames, mixed) -> dict[Statistic, State]:
    kinds = (Moments, Extremes, Quantiles)
    return scan(frames, mixed, *(kind((column,)) for column in mixed.column_names for kind in kinds))


COLUMNS = (
    *("normal", "tailed", "nulls", "nans", "all kinds", "offset", "int64", "int16", "float32"),
    *("all null", "all nan", "all infinite", "constant", "constant, offset"),
)


@pytest.mark.parametrize("column", COLUMNS)
def test_moments_are_numpy_s(scanned, mixed, column):
    assert scanned[Moments((column,))] == close(moments(mixed[column].to_pylist()))


@pytest.mark.parametrize("column", COLUMNS)
def test_extremes_are_numpy_s_exactly(scanned, mixed, column):
    assert scanned[Extremes((column,))] == extremes(mixed[column].to_pylist())


@pytest.mark.parametrize("column", COLUMNS)
def test_quantile_states_count_what_there_is(scanned, mixed, column):
    state = scanned[Quantiles((column,))]
    values = mixed[column].to_pylist()
    assert {name: state[name] for name in counts(values)} == counts(values)
    if counts(values)["count"]:
        assert decode(state["sketch"]).n == counts(values)["count"]
    else:
        assert state["sketch"] is None


def test_an_offset_of_1e8_costs_the_deviation_no_digits(scanned, mixed):
    expected = np.std(mixed["offset"].to_numpy() - 1e8)
    assert deviation(scanned[Moments(("offset",))]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("column", "value"), [("constant", 0.1), ("constant, offset", 1e8 + 0.1)])
def test_a_constant_column_has_its_value_as_mean_and_no_deviation(scanned, column, value):
    state = scanned[Moments((column,))]
    assert mean(state) == value
    assert deviation(state) == 0.0


def test_a_column_without_a_finite_value_has_no_mean_and_no_deviation(scanned):
    for column in ("all null", "all nan", "all infinite"):
        state = scanned[Moments((column,))]
        assert (mean(state), deviation(state)) == (None, None)
        assert Quantiles((column,)).read(scanned[Quantiles((column,))], (0.5,)) is None


EVERY = (Moments(("x",)), Extremes(("x",)), Quantiles(("x",)), Quantiles(("x",), rank_error=0, probabilities=(0.5,)))


@pytest.mark.parametrize("statistic", [*EVERY, Frequencies(("x",))], ids=str)
def test_no_rows_give_the_empty_state(frames, statistic):
    assert scan(frames, pa.table({"x": pa.array([], pa.float64())}), statistic) == {statistic: statistic.empty()}


def test_one_row(frames):
    states = scan(frames, pa.table({"x": [2.5]}), *EVERY)
    none = {"missing": 0, "positive_infinities": 0, "negative_infinities": 0}
    assert states[EVERY[0]] == {"count": 1, "mean": 2.5, "m2": 0.0, **none}
    assert states[EVERY[1]] == {"count": 1, "min": 2.5, "max": 2.5, **none}
    assert EVERY[2].read(states[EVERY[2]], (0.0, 0.5, 1.0)) == [2.5, 2.5, 2.5]
    assert states[EVERY[3]] == {"count": 1, "values": [2.5], **none}


# --- quantiles ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_tail() -> np.ndarray:
    return np.exp(np.random.default_rng(1).standard_normal(20_000))


def test_datasketches_reads_the_sketch_that_spark_wrote(frames, long_tail):
    statistic = Quantiles(("x",))
    state = scan(frames, pa.table({"x": long_tail}), statistic)[statistic]
    sketch = kll_doubles_sketch.deserialize(base64.b64decode(state["sketch"]))
    assert (sketch.n, sketch.k) == (20_000, statistic.k)
    assert (sketch.get_min_value(), sketch.get_max_value()) == (long_tail.min(), long_tail.max())


@pytest.mark.parametrize("rank_error", [0.005, 0.02])
def test_the_true_rank_of_a_quantile_is_within_the_rank_error(frames, long_tail, rank_error):
    statistic = Quantiles(("x",), rank_error=rank_error)
    state = scan(frames, pa.table({"x": long_tail}), statistic)[statistic]
    probabilities = (0.25, 0.5, 0.75)
    ranks = [(long_tail <= value).mean() for value in statistic.read(state, probabilities)]
    # Stated with 99 % confidence, 2.6 standard deviations; twice as much is 5.2, once in four million runs.
    assert ranks == pytest.approx(probabilities, abs=2 * rank_error)


@pytest.mark.parametrize("rank_error", [0.2, 0.05, 0.01, 0.005, 0.001, 0.00005])
def test_k_is_the_smallest_that_keeps_to_the_rank_error(rank_error):
    error_of = kll_doubles_sketch.get_normalized_rank_error
    k = Quantiles(("x",), rank_error=rank_error).k
    assert error_of(k, False) <= rank_error < error_of(k - 2, False)


def test_a_rank_error_that_no_sketch_keeps_is_refused():
    with pytest.raises(PlanError, match=r"rank_error 1e-05 of 'x' needs a larger sketch.*0 for exact"):
        Quantiles(("x",), rank_error=1e-5)


def test_quantiles_of_no_more_values_than_k_are_numpy_s(frames):
    statistic = Quantiles(("x",))
    values = np.random.default_rng(2).standard_normal(statistic.k)
    state = scan(frames, pa.table({"x": values}), statistic)[statistic]
    probabilities = (0.0, 0.01, 0.25, 0.5, 0.777, 1.0)
    assert statistic.read(state, probabilities) == np.quantile(values, probabilities).tolist()


def test_exact_quantiles_are_numpy_s(frames, long_tail):
    probabilities = (0.0, 0.1, 0.25, 0.5, 0.9, 1.0)
    statistic = Quantiles(("x",), rank_error=0, probabilities=probabilities)
    values = [*long_tail.tolist(), None, NAN, INF]
    state = scan(frames, pa.table({"x": values}), statistic)[statistic]
    # Both interpolate; one ulp is what the order of the two products may change.
    np.testing.assert_allclose(statistic.read(state, probabilities), np.quantile(long_tail, probabilities), rtol=3e-16)
    assert statistic.read(state, (0.9, 0.1)) == [state["values"][4], state["values"][1]]


def test_exact_quantiles_answer_only_what_was_asked():
    statistic = Quantiles(("x",), rank_error=0, probabilities=(0.5,))
    with pytest.raises(PlanError, match=r"exact quantiles of 'x' were not computed at \[0.25\]"):
        statistic.read({**counts([1.0]), "values": [1.0]}, (0.25,))


def test_exact_quantiles_do_not_merge():
    statistic = Quantiles(("x",), rank_error=0, probabilities=(0.5,))
    state = {**counts([1.0]), "values": [1.0]}
    with pytest.raises(PlanError, match="do not merge: fit all the data at once, or set rank_error above 0"):
        statistic.merge(state, state)


def test_sketches_in_different_units_do_not_merge():
    statistic = Quantiles(("x",))
    state = quantiles([1.0, 2.0], statistic)
    with pytest.raises(PlanError, match="in different units"):
        statistic.merge(state, statistic.affine(state, 1.0, 2.0, 0.0))


def test_requests_for_different_probabilities_are_one_sketch():
    assert Quantiles(("x",), probabilities=(0.5,)) == Quantiles(("x",), probabilities=(0.25, 0.75))
    exact = [Quantiles(("x",), rank_error=0, probabilities=p) for p in [(0.5,), (0.25,)]]
    assert exact[0] != exact[1]


# --- frequencies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", "a", "b", None, "", "é"], [["b", 2], ["", 1], ["a", 1], ["é", 1]]),
        ([3, 1, 3, None, 1, 2], [[1, 2], [3, 2], [2, 1]]),
        ([True, None, False, True], [[True, 2], [False, 1]]),
        ([0.5, NAN, 0.5, None, -1.0], [[0.5, 2], [-1.0, 1]]),
    ],
    ids=["strings", "integers", "booleans", "floats"],
)
def test_frequencies_are_exact_and_ranked_by_count_and_value(frames, values, expected):
    statistic = Frequencies(("x",))
    state = scan(frames, pa.table({"x": pa.array(values)}), statistic)[statistic]
    known = sum(count for _, count in expected)
    assert state == {"total": known, "missing": len(values) - known, "values": expected, "error": 0}
    assert [type(value) for value, _ in state["values"]] == [type(value) for value, _ in expected]


def test_infinities_are_present_but_not_counted_one_by_one(frames):
    statistic = Frequencies(("x",))
    state = scan(frames, pa.table({"x": [INF, INF, -INF, 1.0, None, NAN]}), statistic)[statistic]
    assert state == {"total": 4, "missing": 2, "values": [[1.0, 1]], "error": 0}


def test_negative_zero_is_zero(frames):
    statistic = Frequencies(("x",))
    state = scan(frames, pa.table({"x": [0.0, -0.0, 0.0, 5.0, 5.0]}), statistic)[statistic]
    assert state["values"] == [[0.0, 3], [5.0, 2]]


def test_the_mode_is_the_smallest_of_the_most_frequent():
    statistic = Frequencies(("x",))
    assert mode(frequencies(["b", "a", "b", "a", "c"], statistic)) == "a"
    assert mode(frequencies([None], statistic)) is None


@pytest.fixture(scope="module")
def skewed() -> list[str]:
    """120 distinct words, of which few are frequent."""
    ranks = np.random.default_rng(3).zipf(1.5, 4000) % 120
    return [f"w{rank}" for rank in ranks]


def assert_within_error(state: State, words: list[str], capacity: int) -> None:
    true, listed = Counter(words), dict(state["values"])
    assert len(listed) <= capacity
    assert all(abs(count - true[word]) <= state["error"] for word, count in listed.items())
    assert all(count <= state["error"] for word, count in true.items() if word not in listed)


def test_beyond_the_capacity_every_count_is_within_the_stated_error(frames, skewed):
    statistic = Frequencies(("x",), capacity=12)
    state = scan(frames, pa.table({"x": skewed}), statistic)[statistic]
    assert 0 < state["error"] < len(skewed) / 4
    assert state["total"] == len(skewed)
    assert_within_error(state, skewed, 12)
    assert mode(state) == Counter(skewed).most_common(1)[0][0]


def test_as_many_values_as_the_capacity_are_still_exact(frames):
    statistic, values = Frequencies(("x",), capacity=5), list("abcdeabcda")
    state = scan(frames, pa.table({"x": values}), statistic)[statistic]
    assert state["error"] == 0
    assert state["values"] == [["a", 3], ["b", 2], ["c", 2], ["d", 2], ["e", 1]]


def test_merged_truncated_frequencies_keep_their_error_stated(skewed):
    statistic = Frequencies(("x",), capacity=12)
    halves = [frequencies(skewed[:2500], statistic), frequencies(skewed[2500:], statistic)]
    assert_within_error(statistic.merge(*halves), skewed, 12)


# --- merge --------------------------------------------------------------------------------------------------


@given(NUMBERS, NUMBERS)
@FEW
def test_merged_moments_are_those_of_the_union(a, b):
    scale = max((abs(value) for value in finite(a + b)), default=1.0) ** 2 * 60
    assert Moments(("x",)).merge(moments(a), moments(b)) == close(moments(a + b), scale=max(scale, 1.0))


@given(NUMBERS, NUMBERS)
@FEW
def test_merged_extremes_are_those_of_the_union(a, b):
    assert Extremes(("x",)).merge(extremes(a), extremes(b)) == extremes(a + b)


@given(NUMBERS, NUMBERS)
@FEW
def test_merged_sketches_are_those_of_the_union(a, b):
    statistic, p = Quantiles(("x",)), (0.0, 0.3, 0.5, 1.0)
    merged = statistic.merge(quantiles(a, statistic), quantiles(b, statistic))
    assert {name: merged[name] for name in counts(a)} == counts(a + b)
    expected = np.quantile(finite(a + b), p).tolist() if len(finite(a + b)) else None
    assert statistic.read(merged, p) == expected


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=20), st.lists(st.sampled_from(["b", "d"]), max_size=9))
@FEW
def test_merged_frequencies_are_those_of_the_union(a, b):
    statistic = Frequencies(("x",))
    assert statistic.merge(frequencies(a, statistic), frequencies(b, statistic)) == frequencies(a + b, statistic)


def test_merging_keeps_the_digits_of_an_offset_column():
    a, b = np.random.default_rng(4).standard_normal((2, 1000)) + 1e8
    merged = Moments(("x",)).merge(moments(a), moments(b))
    assert merged["m2"] == pytest.approx(moments([*a, *b])["m2"], rel=1e-9)


def test_moments_that_a_double_cannot_hold_are_no_state():
    statistic = Moments(("__genspark_at_2_x",))
    with pytest.raises(DataError, match="the moments of 'x' overflow: its values are too large; scale it before"):
        statistic.merge(moments([1e200]), moments([-1e200]))
    with pytest.raises(DataError, match="the moments of 'x' overflow"):
        statistic.affine(moments([1e100, -1e100]), 0.0, 1e-100, 0.0)


@pytest.fixture(scope="module")
def parts(frames, mixed) -> dict[Statistic, State]:
    """States of the same columns for each of 5 parts of the rows, from one scan."""
    part = pa.array(np.arange(len(mixed)) ** 2 % 5)
    kinds = [kind(("all kinds",), by=("part",)) for kind in (Moments, Extremes, Quantiles)]
    return scan(frames, mixed.append_column("part", part), *kinds)


@pytest.mark.parametrize("kind", [Moments, Extremes])
def test_the_states_of_spark_s_groups_merge_to_the_state_of_all(parts, scanned, kind):
    statistic = kind(("all kinds",))
    whole = statistic.empty()
    for group in parts[kind(("all kinds",), by=("part",))]["groups"]:
        whole = statistic.merge(whole, group["state"])
    assert whole == close(scanned[statistic])


def test_the_sketches_of_spark_s_groups_merge_within_the_rank_error(parts, mixed):
    statistic, values = Quantiles(("all kinds",)), finite(mixed["all kinds"].to_pylist())
    whole = statistic.empty()
    for group in parts[Quantiles(("all kinds",), by=("part",))]["groups"]:
        whole = statistic.merge(whole, group["state"])
    (median,) = statistic.read(whole, (0.5,))
    assert (values <= median).mean() == pytest.approx(0.5, abs=2 * statistic.rank_error)
    assert decode(whole["sketch"]).n == len(values)


# --- rewrites: the state after a fill or an affine map, with no look at the data -----------------------------


def filled(values: list[Any], value: Any) -> list[Any]:
    return [value if old is None or old != old else old for old in values]


@given(NUMBERS, st.floats(-1e3, 1e3))
@FEW
def test_filled_states_are_those_of_the_filled_data(values, value):
    after = filled(values, value)
    scale = max((abs(x) for x in finite(after)), default=1.0) ** 2 * 60
    assert Moments(("x",)).filled(moments(values), value) == close(moments(after), scale=max(scale, 1.0))
    assert Extremes(("x",)).filled(extremes(values), value) == extremes(after)
    statistic, p = Quantiles(("x",)), (0.0, 0.3, 0.5, 1.0)
    state = statistic.filled(quantiles(values, statistic), value)
    assert {name: state[name] for name in counts(after)} == counts(after)
    expected = np.quantile(finite(after), p).tolist() if len(finite(after)) else None
    assert statistic.read(state, p) == expected


@given(NUMBERS, st.floats(-100, 100), st.floats(0.1, 100), st.floats(-100, 100))
@FEW
def test_affine_states_are_those_of_the_mapped_data(values, center, scale, offset):
    def mapped(x: Any) -> Any:
        return None if x is None else (x - center) / scale + offset

    after, p = [mapped(x) for x in values], (0.0, 0.3, 0.5, 1.0)
    size = max((abs(x) for x in finite(after)), default=1.0) ** 2 * 60
    state = Moments(("x",)).affine(moments(values), center, scale, offset)
    assert state == close(moments(after), scale=max(size, 1.0))
    assert Extremes(("x",)).affine(extremes(values), center, scale, offset) == extremes(after)
    statistic = Quantiles(("x",))
    state = statistic.affine(quantiles(values, statistic), center, scale, offset)
    expected = np.quantile(finite(after), p) if len(finite(after)) else None
    assert statistic.read(state, p) == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-7))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_a_scale_whose_square_is_no_double_is_a_scale(scale):
    state = Moments(("x",)).affine({**moments([1.0, 1.0]), "mean": scale}, 0.0, scale, 0.0)
    assert (state["mean"], state["m2"]) == (1.0, 0.0)


def test_frequencies_after_a_fill():
    statistic = Frequencies(("x",))
    state = frequencies(["a", None, "b", "b", None], statistic)
    assert statistic.filled(state, "a") == frequencies(["a", "a", "b", "b", "a"], statistic)
    assert statistic.filled(state, "z") == frequencies(["a", "z", "b", "b", "z"], statistic)
    assert statistic.affine(state, 0.0, 1.0, 0.0) is None


@pytest.mark.parametrize("order", ["fill first", "map first"])
def test_a_sketch_takes_point_masses_and_maps_in_any_order(order):
    statistic = Quantiles(("x",))
    values = [float(x) for x in np.random.default_rng(5).normal(50, 10, 200)] + [None] * 100
    state, data = quantiles(values, statistic), np.array(values, dtype=float)
    if order == "fill first":
        state = statistic.affine(statistic.filled(state, 42.0), 50.0, 10.0, 1.0)
        data = (np.nan_to_num(data, nan=42.0) - 50) / 10 + 1
    else:
        state = statistic.filled(statistic.affine(state, 50.0, 10.0, 1.0), 0.25)
        data = np.nan_to_num((data - 50) / 10 + 1, nan=0.25)
    p = (0.1, 0.25, 0.5, 0.9)
    assert statistic.read(state, p) == pytest.approx(np.quantile(data, p), rel=1e-12)


def test_two_maps_of_a_sketch_compose():
    statistic, values = Quantiles(("x",)), [1.0, 2.0, 4.0, 8.0]
    state = statistic.affine(statistic.affine(quantiles(values, statistic), 3.0, 2.0, 1.0), -5.0, 4.0, 10.0)
    expected = ((np.array(values) - 3) / 2 + 1 + 5) / 4 + 10
    assert statistic.read(state, (0.0, 0.5, 1.0)) == pytest.approx(np.quantile(expected, (0.0, 0.5, 1.0)), rel=1e-14)


def test_a_standardised_sketch_keeps_the_digits_of_an_offset_column():
    statistic, values = Quantiles(("x",)), [1e8 + 0.25, 1e8 + 0.5, 1e8 + 1.0]
    state = statistic.affine(quantiles(values, statistic), 1e8 + 0.5, 0.3, 0.0)
    assert statistic.read(state, (0.0, 0.5, 1.0)) == [-0.25 / 0.3, 0.0, 0.5 / 0.3]


def test_a_large_point_mass_weighs_what_it_should():
    statistic = Quantiles(("x",))
    state = {**quantiles([1.0, 2.0, 3.0], statistic), "missing": 1_000_003}
    after = statistic.filled(state, 7.0)
    assert decode(after["sketch"]).n == after["count"] == 1_000_006
    assert statistic.read(after, (0.001, 0.5)) == [7.0, 7.0]


def test_exact_quantiles_follow_a_map_but_no_fill():
    statistic = Quantiles(("x",), rank_error=0, probabilities=(0.5,))
    state = {**counts([1.0, 3.0, None]), "values": [2.0]}
    assert statistic.affine(state, 1.0, 2.0, 10.0)["values"] == [10.5]
    assert statistic.filled(state, 0.0) is None


# --- groups -------------------------------------------------------------------------------------------------


def test_by_keeps_a_state_for_each_group_null_being_one(frames):
    table = pa.table({"g": ["b", None, "a", "b", None], "x": [1.0, 10.0, 5.0, 3.0, None]})
    statistics = [kind(("x",), by=("g",)) for kind in (Moments, Extremes, Frequencies)]
    states = scan(frames, table, *statistics)
    values = {None: [10.0, None], "a": [5.0], "b": [1.0, 3.0]}
    assert states[statistics[0]] == {"groups": [{"by": [g], "state": moments(x)} for g, x in values.items()]}
    assert states[statistics[1]] == {"groups": [{"by": [g], "state": extremes(x)} for g, x in values.items()]}
    plain = Frequencies(("x",))
    assert states[statistics[2]] == {"groups": [{"by": [g], "state": frequencies(x, plain)} for g, x in values.items()]}


def test_sketches_of_groups_are_merged_by_spark_however_many(frames, interpreted, monkeypatch):
    def refuse(*_: Any) -> None:
        raise AssertionError("the groups of every task would go to the driver")

    monkeypatch.setattr(scan_sql, "gather_arrow", refuse)
    values = {None: [10.0], "a": [5.0, 7.0], "b": [1.0, 3.0]}
    rows = [(group, value) for group, some in values.items() for value in some]
    columns = [f"x{i}" for i in range(6)]
    table = pa.table({"g": [g for g, _ in rows], **{column: [v for _, v in rows] for column in columns}})
    statistics = [Quantiles((column,), by=("g",)) for column in columns]
    states = scan(frames, table, *statistics)
    for statistic in statistics:
        read = {one["by"][0]: statistic.read(one["state"], (0.5,)) for one in states[statistic]["groups"]}
        assert read == {group: [np.median(some)] for group, some in values.items()}


def test_groups_merge_group_by_group():
    statistic = Moments(("x",), by=("g",))
    a = grouped({("a",): moments([1.0]), ("b",): moments([2.0])})
    b = grouped({("b",): moments([4.0]), (None,): moments([7.0])})
    expected = {(None,): moments([7.0]), ("a",): moments([1.0]), ("b",): moments([2.0, 4.0])}
    assert statistic.merge(a, b) == grouped(expected)


def test_more_groups_than_the_limit_do_not_merge(monkeypatch):
    monkeypatch.setattr(statistics_base, "GROUP_LIMIT", 2)
    statistic = Moments(("x",), by=("g", "__genspark_at_1_h"))
    a, b, c = (grouped({(name, 1): moments([1.0])}) for name in "abc")
    both = statistic.merge(a, b)
    assert statistic.merge(both, b)["groups"][0] == a["groups"][0]
    text = r"group columns \['g', 'h'\] have more than 2 groups; group by a coarser column, or drop `by`"
    with pytest.raises(DataError, match=text):
        statistic.merge(both, c)


def test_groups_are_told_by_strings_whole_numbers_and_booleans():
    check_group_types({})
    text = "group columns hold strings, whole numbers or booleans; 'g' is double, 'h' is date: cast it before"
    with pytest.raises(PlanError, match=text):
        check_group_types({"g": "double", "h": "date"})


def test_groups_are_sorted_by_value_and_null_is_first():
    state = grouped({(10, "a"): {}, (None, "b"): {}, (9, "b"): {}, (9, None): {}})
    assert [group["by"] for group in state["groups"]] == [[None, "b"], [9, None], [9, "b"], [10, "a"]]


# --- JSON ---------------------------------------------------------------------------------------------------

REQUESTS = [
    Moments(("x",)),
    Moments(("x",), by=("g", "h")),
    Extremes(("a b",)),
    Quantiles(("x",), rank_error=0.01),
    Quantiles(("x",), rank_error=0, probabilities=(0.25, 0.5)),
    Frequencies(("x",), capacity=7),
]


@pytest.mark.parametrize("statistic", REQUESTS, ids=str)
def test_a_request_survives_json(statistic):
    again = from_json(json.loads(json.dumps(statistic.to_json())))
    assert again == statistic
    assert hash(again) == hash(statistic)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ModelError, match="'entropy' is not known here: the model is from a newer genspark"):
        from_json({"entropy": {"columns": ["x"]}})


def test_states_from_spark_are_plain_json(scanned, parts):
    for state in [*scanned.values(), *parts.values()]:
        assert json.loads(json.dumps(state, allow_nan=False)) == state
