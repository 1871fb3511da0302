"""The rows with the smallest draws, whatever the batches and their order."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest

from genspark.engines.polars.gather.batch import Batch
from genspark.engines.polars.gather.collectors import collectors
from genspark.engines.polars.scan import gather
from genspark.errors import PlanError
from genspark.statistics import Sample, State, from_json

INF, NAN = math.inf, math.nan
STATISTIC = Sample(("a", "b", "draw"), size=5)


def gathered(statistic: Sample, *batches: pl.DataFrame) -> State:
    (collector,) = collectors([statistic])
    for rows in batches:
        collector.add(Batch(rows))
    return collector.parts()[statistic]


def rows(count: int, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    # Draws that repeat, so that ties must be broken by the values.
    frame = {"a": random.standard_normal(count), "b": random.integers(0, 3, count), "draw": random.random(count)}
    return pl.DataFrame(frame).with_columns(pl.col("draw").round(2), pl.when(pl.col("b") > 0).then("b").alias("b"))


def smallest(frame: pl.DataFrame, size: int) -> State:
    def key(row):
        draw = row[-1]
        return draw, [(value is not None, value or 0.0) for value in row[:-1]]

    kept = sorted(frame.rows(), key=key)[:size]
    return {"seen": frame.height, "draws": [row[-1] for row in kept], "rows": [list(row[:-1]) for row in kept]}


def test_the_smallest_draws_are_kept_in_order():
    frame = pl.DataFrame({"a": [1, 2, 3], "b": [None, 0.5, 1.5], "draw": [0.9, 0.1, 0.2]})
    expected = {"seen": 3, "draws": [0.1, 0.2], "rows": [[2.0, 0.5], [3.0, 1.5]]}
    assert gathered(Sample(("a", "b", "draw"), size=2), frame) == expected


def test_it_holds_every_row_where_there_are_few():
    assert gathered(Sample(("a", "b", "draw"), size=99), rows(30)) == smallest(rows(30), 99)


@pytest.mark.parametrize("size", [1, 5, 40])
@pytest.mark.parametrize("length", [1, 3, 50, 1000], ids=lambda length: f"batches of {length}")
def test_neither_batches_nor_their_order_matter(size, length):
    frame = rows(500)
    batches = list(frame.iter_slices(length))
    np.random.default_rng(3).shuffle(batches)
    assert gathered(Sample(("a", "b", "draw"), size), *batches) == smallest(frame, size)


def test_merging_is_exact_in_any_order():
    frame = rows(300)
    parts = [gathered(STATISTIC, part) for part in (frame[:3], frame[3:200], frame[200:200], frame[200:])]
    for order in ([0, 1, 2, 3], [3, 2, 0, 1], [1, 3, 0, 2]):
        state = STATISTIC.empty()
        for number in order:
            state = STATISTIC.merge(state, parts[number])
        assert state == smallest(frame, 5)


def test_each_group_has_its_sample():
    frame = rows(100).with_columns(g=pl.Series(["x", "y", None, "y"] * 25))
    statistic = Sample(("a", "b", "draw"), 5, by=("g",))
    groups = gather(frame.lazy(), [statistic]).states()[statistic]["groups"]
    assert [group["by"] for group in groups] == [[None], ["x"], ["y"]]
    for group in groups:
        some = frame.filter(pl.col("g").eq_missing(pl.lit(group["by"][0])))
        assert group["state"] == smallest(some.drop("g"), 5)


def test_no_rows_are_the_empty_state():
    assert gathered(STATISTIC) == gathered(STATISTIC, rows(0)) == STATISTIC.empty()


def test_what_json_has_not_is_none():
    frame = pl.DataFrame({"a": [INF, NAN, None, -0.0], "b": [-INF, 1.0, 2.0, 3.0], "draw": [0.1, 0.2, 0.3, 0.4]})
    state = gathered(STATISTIC, frame)
    assert state["rows"] == [[None, None], [None, 1.0], [None, 2.0], [0.0, 3.0]]
    assert math.copysign(1.0, state["rows"][3][0]) == 1.0
    assert json.loads(json.dumps(state, allow_nan=False)) == state


def test_a_sample_is_uniform():
    frame = pl.DataFrame({"a": np.arange(20_000.0), "draw": np.random.default_rng(5).random(20_000)})
    state = gathered(Sample(("a", "draw"), 2000), frame)
    # The mean of 2000 uniform numbers is off by less than 3.5 of its standard deviations.
    assert abs(np.mean(state["rows"]) - 9999.5) < 3.5 * 20_000 / math.sqrt(12 * 2000)


def test_a_request_is_json_and_its_size_is_positive():
    assert from_json(json.loads(json.dumps(STATISTIC.to_json()))) == STATISTIC
    with pytest.raises(PlanError, match="at least 1 row; got 0"):
        Sample(("a", "draw"), size=0)
