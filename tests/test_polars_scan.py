"""The statistics as Polars gathers them, batch by batch, against NumPy."""

from __future__ import annotations

import math
import weakref
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from genspark.engines import polars_collectors
from genspark.engines.polars import PolarsEngine
from genspark.engines.polars_batch import Batch
from genspark.engines.polars_scan import finished, gathered, merged
from genspark.errors import DataError
from genspark.statistics import Extremes, Frequencies, Moments, Quantiles, State, Statistic

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
    pieces = [gathered(pl.LazyFrame({"x": part}), [statistic]).parts[statistic] for part in np.array_split(x, 3)]
    whole = merged(statistic, merged(statistic, pieces[0], pieces[1]), pieces[2])
    assert finished(statistic, whole)["values"] == np.quantile(x, statistic.probabilities).tolist()


def test_exact_quantiles_of_too_many_values_are_refused(monkeypatch):
    monkeypatch.setattr(polars_collectors, "EXACT_LIMIT", 10)
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
    found = gathered(frame, [Moments((name,)) for name in ("x", "y", "n")])
    assert found.nan_free == {"x", "n"}
    both = gathered(pl.LazyFrame({"x": [math.inf, -math.inf]}), [Moments(("x",))])
    assert both.nan_free == set()  # their sum is NaN, too: it is looked for where it may be


def test_a_batch_goes_when_its_scan_has_seen_it():
    batch = Batch(pl.DataFrame({"x": [1.0, math.nan]}))
    assert batch.finite("x").to_list() == [1.0]
    gone = weakref.ref(batch)
    del batch
    assert gone() is None


def test_groups_are_gathered_each_by_itself():
    frame = pl.LazyFrame({"g": ["a", "b", "a", None], "x": [1.0, 2.0, 3.0, 4.0]})
    statistic = Moments(("x",), by=("g",))
    state = PolarsEngine().scan(nw.from_native(frame), [statistic])[statistic]
    assert [(group["by"], group["state"]["mean"]) for group in state["groups"]] == [
        ([None], 4.0),
        (["a"], 2.0),
        (["b"], 2.0),
    ]
