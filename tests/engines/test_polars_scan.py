"""The statistics as Polars gathers them, batch by batch, against NumPy."""

from __future__ import annotations

import math
import weakref
from collections import Counter
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from genspark.engines.polars import scan as polars_scan
from genspark.engines.polars.engine import PolarsEngine
from genspark.engines.polars.gather import frequencies, quantiles
from genspark.engines.polars.gather.batch import Batch
from genspark.engines.polars.gather.collectors import EachGroup, group_collectors
from genspark.engines.polars.gather.groups import Groups
from genspark.engines.polars.meter import METER
from genspark.engines.polars.scan import gather
from genspark.errors import DataError, PlanError
from genspark.statistics import Extremes, Frequencies, Moments, Quantiles, State, Statistic
from genspark.statistics import base as statistics_base

RANDOM = np.random.default_rng(4)


def scanned(values: Any, statistic: Statistic) -> State:
    frame = nw.from_native(pl.LazyFrame({"x": values}))
    return PolarsEngine().scan(frame, [statistic])[statistic]


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e15])
@pytest.mark.parametrize("rows", [1, 2, 300_000])
def test_moments_at_an_offset_equal_numpys(offset, rows):
    x = RANDOM.standard_normal(rows) + offset
    state = scanned(x, Moments(("x",)))
    exact = (x - offset).astype(np.longdouble)  # a difference that no digit is lost in
    assert state["count"] == rows
    assert state["mean"] == pytest.approx(float(offset + exact.mean()), rel=1e-12)
    assert state["m2"] == pytest.approx(float(((exact - exact.mean()) ** 2).sum()), rel=1e-9, abs=1e-9)


def test_a_constant_column_has_its_value_for_mean_and_no_deviation():
    state = scanned([1e8 + 0.1] * 400_000, Moments(("x",)))
    assert (state["mean"], state["m2"]) == (1e8 + 0.1, 0.0)


def test_what_is_not_finite_is_counted_apart():
    x = [1.0, None, math.nan, math.inf, -math.inf, -math.inf, 3.0]
    counts = {"count": 2, "missing": 2, "positive_infinities": 1, "negative_infinities": 2}
    assert scanned(x, Moments(("x",))) == {**counts, "mean": 2.0, "m2": 2.0}
    assert scanned(x, Extremes(("x",))) == {**counts, "min": 1.0, "max": 3.0}
    assert scanned(x, Quantiles(("x",), rank_error=0, probabilities=(0.5,))) == {**counts, "values": [2.0]}
    top = scanned([*x, -0.0, 0.0], Frequencies(("x",)))
    assert top == {"total": 7, "missing": 2, "values": [[0.0, 2], [1.0, 1], [3.0, 1]], "error": 0}


def test_values_whose_sum_overflows_are_finite_all_the_same():
    assert scanned([1.7e308, 1.7e308], Extremes(("x",)))["count"] == 2
    with pytest.raises(DataError, match="the moments of 'x' overflow"):
        scanned([1.7e308, -1.7e308, 1.7e308], Moments(("x",)))


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt8, pl.Float32, pl.Decimal(12, 2)])
def test_every_kind_of_number_is_taken_as_a_double(dtype):
    values = pl.Series("x", [1, 2, 250, None], dtype=dtype)
    state = scanned(values, Moments(("x",)))
    assert state["mean"] == pytest.approx(253 / 3)
    assert state["missing"] == 1


def test_a_sketch_keeps_to_its_rank_error():
    x = RANDOM.standard_normal(200_000)
    statistic = Quantiles(("x",), rank_error=0.01)
    state = scanned(x, statistic)
    probabilities = (0.01, 0.25, 0.5, 0.9)
    ranks = [(x <= value).mean() for value in statistic.read(state, probabilities)]
    assert ranks == pytest.approx(probabilities, abs=0.01)


def test_exact_quantiles_are_numpys_however_the_rows_are_cut():
    x = RANDOM.standard_normal(10_001)
    statistic = Quantiles(("x",), rank_error=0, probabilities=(0.25, 0.5, 0.975))
    a, b, c = (gather(pl.LazyFrame({"x": part}), [statistic]) for part in np.array_split(x, 3))
    assert a.merged(b).merged(c).states()[statistic]["values"] == np.quantile(x, statistic.probabilities).tolist()


def test_exact_quantiles_of_too_many_values_are_refused(monkeypatch):
    monkeypatch.setattr(quantiles, "EXACT_LIMIT", 10)
    with pytest.raises(DataError, match=r"exact quantiles of 'x' hold every value.*set rank_error above 0"):
        scanned(np.arange(11.0), Quantiles(("x",), rank_error=0, probabilities=(0.5,)))


def test_frequencies_beyond_their_capacity_tell_their_error():
    rare = [f"v{i}" for i in range(250_000)]
    state = scanned(["often"] * 5000 + rare + ["often"] * 10, Frequencies(("x",), capacity=3))
    assert state["values"][0] == ["often", 5010]
    assert len(state["values"]) == 3
    assert 1 <= state["error"] <= 2
    assert state["total"] == 255_010


def test_two_scans_are_equal_to_the_last_bit():
    x = RANDOM.standard_normal(500_000) * 1e6
    assert scanned(x, Moments(("x",))) == scanned(x, Moments(("x",)))


def test_columns_without_nan_are_noticed():
    frame = pl.LazyFrame({"x": [1.0, None, math.inf], "y": [1.0, math.nan, 2.0], "n": [1, 2, 3]})
    found = gather(frame, [Moments((name,)) for name in ("x", "y", "n")])
    assert found.nan_free == {"x", "n"}
    both = gather(pl.LazyFrame({"x": [math.inf, -math.inf]}), [Moments(("x",))])
    assert both.nan_free == set()  # their sum is NaN, too: it is looked for where it may be


def test_a_batch_goes_when_its_scan_has_seen_it():
    batch = Batch(pl.DataFrame({"x": [1.0, math.nan]}))
    assert batch.finite("x").to_list() == [1.0]
    gone = weakref.ref(batch)
    del batch
    assert gone() is None


# --- group by group -----------------------------------------------------------------------------------------


def by_group(columns: dict[str, Any], statistic: Statistic) -> dict[tuple[Any, ...], State]:
    state = PolarsEngine().scan(nw.from_native(pl.LazyFrame(columns)), [statistic])[statistic]
    return {tuple(group["by"]): group["state"] for group in state["groups"]}


def test_groups_are_gathered_each_by_itself():
    found = by_group({"g": ["a", "b", "a", None], "x": [1.0, 2.0, 3.0, 4.0]}, Moments(("x",), by=("g",)))
    assert [(key, state["mean"]) for key, state in found.items()] == [((None,), 4.0), (("a",), 2.0), (("b",), 2.0)]


def test_a_group_is_what_all_its_columns_tell_and_null_is_a_value():
    columns = {"g": ["a", None, "a", "a", None], "n": [1, 1, None, 1, 1], "b": [True, None, None, True, None]}
    found = by_group({**columns, "x": [1.0, 2.0, 3.0, 5.0, 8.0]}, Extremes(("x",), by=("g", "n", "b")))
    ends = {key: (state["min"], state["max"]) for key, state in found.items()}
    assert ends == {(None, 1, None): (2.0, 8.0), ("a", None, None): (3.0, 3.0), ("a", 1, True): (1.0, 5.0)}


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e15])
def test_moments_of_a_group_at_an_offset_equal_numpys(offset, monkeypatch):
    monkeypatch.setattr(polars_scan, "BLOCK_ROWS", 1000)
    x, groups = RANDOM.standard_normal(30_000) + offset, RANDOM.integers(0, 3, 30_000)
    found = by_group({"g": groups, "x": x}, Moments(("x",), by=("g",)))
    for (group,), state in found.items():
        exact = (x[groups == group] - offset).astype(np.longdouble)
        assert state["mean"] == pytest.approx(float(offset + exact.mean()), rel=1e-12)
        assert state["m2"] == pytest.approx(float(((exact - exact.mean()) ** 2).sum()), rel=1e-9)


def test_a_constant_group_has_its_value_for_mean_and_no_deviation():
    found = by_group({"g": [True, False] * 3000, "x": [0.1, 1e8 + 0.1] * 3000}, Moments(("x",), by=("g",)))
    moments = {key: (state["mean"], state["m2"]) for key, state in found.items()}
    assert moments == {(True,): (0.1, 0.0), (False,): (1e8 + 0.1, 0.0)}


REQUESTS = [
    *(kind(("x",), by=("g",)) for kind in (Moments, Extremes, Quantiles)),
    Quantiles(("x",), rank_error=0, probabilities=(0.1, 0.5), by=("g",)),
    Frequencies(("n",), by=("g",)),
    Frequencies(("x",), capacity=2, by=("g",)),
]


@pytest.mark.parametrize("statistic", REQUESTS, ids=str)
def test_columns_at_once_give_what_each_group_by_itself_gives(statistic):
    rows = 3000
    x = np.round(RANDOM.standard_normal(rows), 1)
    for position, odd in enumerate([math.nan, math.inf, -math.inf, -0.0]):
        x[position::31] = odd
    frame = pl.DataFrame({"g": RANDOM.integers(0, 300, rows), "x": x, "n": RANDOM.integers(0, 4, rows)})
    frame = frame.with_columns(pl.when(pl.int_range(rows) % 7 > 0).then("x"), pl.when(pl.col("g") > 3).then("g"))
    groups, at_once, each = Groups(["g"]), group_collectors([statistic]), EachGroup([statistic])
    for part in frame.iter_slices(700):
        block = groups.block(part)
        for collector in (*at_once, each):
            collector.add(block)
    (collector,) = at_once
    ungrouped = type(statistic)(**{**vars(statistic), "by": ()})
    got, expected = collector.parts()[statistic], each.parts()[statistic]
    assert len(got) == len(groups) == 297
    for one, other in zip(got, expected, strict=True):
        assert comparable(ungrouped, one) == close(comparable(ungrouped, other))


def comparable(statistic: Statistic, part: State) -> Any:
    state = statistic.finish_ungrouped(part)
    return {**state, "sketch": statistic.read(state, (0.1, 0.5))} if isinstance(statistic, Quantiles) else state


def close(state: State) -> Any:
    return {n: pytest.approx(x, rel=1e-12, abs=1e-12) if isinstance(x, float) else x for n, x in state.items()}


def test_negative_zero_is_zero_in_every_group():
    found = by_group({"g": ["a", "a", "b"], "x": [-0.0, 0.0, -0.0]}, Frequencies(("x",), by=("g",)))
    assert [str(state["values"]) for state in found.values()] == ["[[0.0, 2]]", "[[0.0, 1]]"]


def test_more_groups_than_a_narrow_number_tells_apart():
    n = 40_000
    found = by_group({"g": [*range(n), *range(n)], "x": [*range(n), *range(1, n + 1)]}, Extremes(("x",), by=("g",)))
    assert all((state["min"], state["max"]) == (key, key + 1) for (key,), state in found.items())
    assert list(found) == [(key,) for key in range(n)]


def test_more_groups_than_the_limit_are_refused_while_they_are_gathered(monkeypatch):
    monkeypatch.setattr(statistics_base, "GROUP_LIMIT", 3)
    monkeypatch.setattr(polars_scan, "BLOCK_ROWS", 1)
    columns, statistic = {"g": ["a", "b", "a", None], "h": [1] * 4, "x": [1.0] * 4}, Moments(("x",), by=("g", "h"))
    assert len(by_group(columns, statistic)) == 3
    text = r"group columns \['g', 'h'\] have more than 3 groups; group by a coarser column, or drop `by`"
    with pytest.raises(DataError, match=text):
        by_group({**columns, "h": [1, 1, 2, 1]}, statistic)
    gathering = polars_scan.gatherer([statistic])
    gathering.see(pl.DataFrame(columns))
    with pytest.raises(DataError, match=text):
        gathering.see(pl.DataFrame({"g": ["c"], "h": [1], "x": [1.0]}))


def test_more_groups_than_the_limit_are_refused_as_exact_parts_are_merged(monkeypatch):
    monkeypatch.setattr(statistics_base, "GROUP_LIMIT", 3)
    statistic = Quantiles(("x",), rank_error=0, probabilities=(0.5,), by=("g",))
    a, b = (gather(pl.LazyFrame({"g": [*g], "x": [1.0, 2.0]}), [statistic]) for g in ("ab", "cd"))
    with pytest.raises(DataError, match=r"group columns \['g'\] have more than 3 groups"):
        a.merged(b)


@pytest.mark.parametrize("group", [[1.0], [math.nan]])
def test_groups_told_by_floats_are_refused(group):
    with pytest.raises(PlanError, match=r"group columns hold strings, .*; 'g' is Float64: cast it before"):
        by_group({"g": group, "x": [1.0]}, Moments(("x",), by=("g",)))


def test_the_values_that_exact_quantiles_hold_are_counted_over_all_groups(monkeypatch):
    monkeypatch.setattr(quantiles, "EXACT_LIMIT", 10)
    statistic = Quantiles(("x",), rank_error=0, probabilities=(0.5,), by=("g",))
    with pytest.raises(DataError, match=r"exact quantiles of 'x' hold every value.*more than 10; set rank_error"):
        by_group({"g": ["a", "b"] * 6, "x": np.arange(12.0)}, statistic)


def test_a_group_whose_moments_overflow_is_an_error():
    with pytest.raises(DataError, match="the moments of 'x' overflow"):
        by_group({"g": ["a", "a", "b"], "x": [1e200, -1e200, 1.0]}, Moments(("x",), by=("g",)))


def test_frequencies_of_a_group_beyond_their_capacity_keep_to_the_error_they_state(monkeypatch):
    monkeypatch.setattr(polars_scan, "BLOCK_ROWS", 1)
    monkeypatch.setattr(frequencies, "TALLIED", 12)
    # Each block has new values, and one that is rare in every block and frequent in all of them together.
    often, rare = ["often"] * 3, [f"v{i}" for i in range(400)]
    blocks = [[*often, *rare[i : i + 20], "z, in every block"] for i in range(0, 400, 20)]
    statistic = Frequencies(("x",), capacity=3, by=("g",))
    gathering = polars_scan.gatherer([statistic])
    for block in blocks:
        gathering.see(pl.DataFrame({"g": ["many"] * len(block) + ["few"], "x": [*block, "a"]}))
    few, many = (group["state"] for group in gathering.parts()[statistic]["groups"])
    assert few == {"total": 20, "missing": 0, "values": [["a", 20]], "error": 0}
    listed, true = dict(many["values"]), Counter(value for block in blocks for value in block)
    assert many["total"] == 480
    assert many["values"][0] == ["often", 60]
    assert len(listed) == 3
    assert all(0 <= true[value] - listed.get(value, 0) <= many["error"] for value in true)
    assert many["error"] < 60


def test_a_statistic_that_nothing_gathers_is_refused():
    class Entropy(Statistic):
        kind = "test entropy"

        def empty(self) -> State:
            return {}

        def merge_ungrouped(self, a: State, b: State) -> State:
            return {}

    del Statistic.registry[Entropy.kind]
    with pytest.raises(PlanError, match="the polars engine has no way to compute test entropy"):
        scanned([1.0], Entropy(("x",)))


def test_rows_are_told_to_the_end_and_who_cannot_hear_of_them_stops_no_scan() -> None:
    seen: list[int] = []
    with METER.watched(lambda rows, _share: seen.append(rows)):
        scanned([1.0, 2.0, 3.0], Moments(("x",)))
    assert seen[-1] == 3

    def deaf(rows: int, _share: float | None) -> None:
        raise ValueError(rows)

    with METER.watched(deaf):
        assert scanned([1.0, 2.0, 3.0], Moments(("x",)))["count"] == 3
