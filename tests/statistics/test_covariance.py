"""Pairwise complete means and co-moments, against NumPy over the rows that two columns share."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest

from genspark.engines.polars.gather.batch import Batch
from genspark.engines.polars.gather.collectors import collectors
from genspark.engines.polars.scan import gather
from genspark.errors import DataError, PlanError
from genspark.statistics import Covariance, State, from_json
from genspark.statistics.covariance import covariance

INF, NAN = math.inf, math.nan
COLUMNS = ("a", "b", "c")
STATISTIC = Covariance(COLUMNS)


def gathered(statistic: Covariance, values: np.ndarray, cuts: tuple[int, ...] = ()) -> State:
    """The state of these rows, which the collector is given in batches that end at the cuts."""
    (collector,) = collectors([statistic])
    for part in np.split(values, cuts):
        collector.add(Batch(pl.DataFrame(part, schema=list(statistic.columns)).fill_nan(None)))
    return collector.parts()[statistic]


def expected(values: np.ndarray) -> State:
    """The state by its definition, a pair of columns at a time, around a shift that NumPy can do without loss."""
    d = values.shape[1]
    count, mean, comoment = np.zeros((d, d), int), np.zeros((d, d)), np.zeros((d, d))
    for i in range(d):
        for j in range(d):
            both = np.isfinite(values[:, i]) & np.isfinite(values[:, j])
            x, y = values[both, i], values[both, j]
            if both.any():
                count[i, j], mean[i, j] = both.sum(), math.fsum(x) / len(x)
                shifted = [v - v[0] for v in (x, y)]
                comoment[i, j] = math.fsum((shifted[0] - shifted[0].mean()) * (shifted[1] - shifted[1].mean()))
    return {"rows": len(values), "count": count.tolist(), "mean": mean.tolist(), "comoment": comoment.tolist()}


def close(state: State, other: State, rtol: float = 1e-10) -> None:
    assert (state["rows"], state["count"]) == (other["rows"], other["count"])
    size = np.sqrt(np.abs(np.diag(other["comoment"])))
    np.testing.assert_allclose(state["mean"], other["mean"], rtol=1e-13, atol=1e-12)
    np.testing.assert_array_less(
        np.abs(np.subtract(state["comoment"], other["comoment"])), rtol * np.outer(size, size) + 1e-12
    )


def holes(rows: int = 200, offset: float = 0.0) -> np.ndarray:
    """Correlated columns with a fifth of their values missing and a few infinities."""
    random = np.random.default_rng(1)
    values = random.standard_normal((rows, 3)) @ random.standard_normal((3, 3)) + offset
    values[random.random(values.shape) < 0.2] = NAN
    values[random.random(values.shape) < 0.02] = INF
    values[random.random(values.shape) < 0.02] = -INF
    return values


def test_two_columns_by_hand():
    values = np.array([[1.0, 2.0, 9.0], [3.0, NAN, 9.0], [5.0, 4.0, 9.0]])
    assert gathered(STATISTIC, values) == {
        "rows": 3,
        "count": [[3, 2, 3], [2, 2, 2], [3, 2, 3]],
        "mean": [[3.0, 3.0, 3.0], [3.0, 3.0, 3.0], [9.0, 9.0, 9.0]],
        "comoment": [[8.0, 4.0, 0.0], [4.0, 2.0, 0.0], [0.0, 0.0, 0.0]],
    }


@pytest.mark.parametrize("cuts", [(), (1,), (100,), (3, 3, 190), tuple(range(0, 200, 7))], ids=str)
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_the_cutting_into_batches_does_not_matter(cuts, offset):
    values = holes(offset=offset)
    close(gathered(STATISTIC, values, cuts), expected(values))


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_the_state_of_a_union_is_the_states_merged_in_any_order(offset):
    values = holes(offset=offset)
    values[40:60] = NAN
    parts = [gathered(STATISTIC, part) for part in np.split(values, [40, 60, 61])]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [1, 2, 3, 0]):
        state = STATISTIC.empty()
        for number in order:
            state = STATISTIC.merge(state, parts[number])
        close(state, expected(values), rtol=1e-7 if offset else 1e-10)


def test_merging_the_empty_state_changes_nothing():
    state = gathered(STATISTIC, holes())
    assert STATISTIC.merge(state, STATISTIC.empty()) == state == STATISTIC.merge(STATISTIC.empty(), state)


@pytest.mark.parametrize("rows", [0, 4])
def test_rows_without_a_value_are_rows_alone(rows):
    assert gathered(STATISTIC, np.full((rows, 3), NAN)) == {**STATISTIC.empty(), "rows": rows}


def test_complete_columns_are_numpys_covariance():
    values = np.random.default_rng(2).normal([0, 1e8, -3], size=(50, 3))
    mean, matrix = covariance(gathered(STATISTIC, values))
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(matrix, np.cov(values - [0, 1e8, -3], rowvar=False, bias=True), rtol=1e-7)


def test_two_columns_that_no_row_has_together_have_no_covariance():
    values = np.array([[1.0, NAN, 0.0], [NAN, 2.0, 1.0], [3.0, NAN, 2.0]])
    state = gathered(STATISTIC, values)
    assert (state["count"][0][1], state["mean"][0][1], state["comoment"][0][1]) == (0, 0.0, 0.0)
    assert covariance(state)[1][0][1] == 0.0


def test_integers_and_decimals_are_taken_as_doubles():
    (collector,) = collectors([Covariance(("n", "p"))])
    collector.add(Batch(pl.DataFrame({"n": [1, None, 3], "p": [1, 2, 5]}).cast({"n": pl.Int16, "p": pl.Decimal(9, 2)})))
    state = collector.parts()[Covariance(("n", "p"))]
    assert state["comoment"] == [[2.0, 4.0], [4.0, pytest.approx(26 / 3)]]


def test_a_hold_out_hides_the_cell_that_the_draw_names():
    statistic = Covariance(("a", "b", "draw"), holdout=0.25)
    values = np.array([[1.0, 2.0, 0.1], [3.0, 4.0, 0.3], [5.0, 6.0, 0.7], [7.0, 8.0, 0.99]])
    seen = np.array([[NAN, 2.0], [3.0, NAN], [5.0, 6.0], [7.0, 8.0]])
    assert gathered(statistic, values) == gathered(Covariance(("a", "b")), seen)


@pytest.mark.parametrize("holdout", [-0.1, 0.51])
def test_a_hold_out_that_one_draw_cannot_serve_is_refused(holdout):
    with pytest.raises(PlanError, match=r"holdout: .* of each of 2 columns.* at most 0.5"):
        Covariance(("a", "b", "draw"), holdout=holdout)


@pytest.mark.parametrize("worst", [1e300, 1.5e308])
def test_values_too_large_are_refused_by_the_name_of_their_column(worst):
    with pytest.raises(DataError, match="the moments of 'b' overflow"):
        gathered(STATISTIC, np.array([[1.0, worst, 2.0], [2.0, -worst, 1.0], [0.0, 0.0, 4.0]]))


def test_states_whose_union_overflows_do_not_merge():
    halves = [gathered(STATISTIC, np.array([[x, 0.0, 1.0]])) for x in (1e300, -1e300)]
    with pytest.raises(DataError, match="the moments of 'a' overflow"):
        STATISTIC.merge(*halves)


def test_columns_rescaled_are_the_state_of_the_scaled_values():
    values = holes()
    maps = [(1.0, 2.0, 0.5), (-3.0, 0.1, 0.0), (0.0, 7.0, 1.0)]
    after = np.column_stack([(values[:, i] - c) / s + o for i, (c, s, o) in enumerate(maps)])
    close(STATISTIC.rescaled(gathered(STATISTIC, values), maps), expected(after))


def test_each_group_has_its_state_and_groups_merge():
    statistic = Covariance(COLUMNS, by=("g",))
    frame = pl.DataFrame(holes(), schema=list(COLUMNS)).fill_nan(None).with_row_index("at")
    frame = frame.with_columns(g=pl.when(pl.col("at") % 3 > 0).then(pl.col("at") % 3))
    halves = [gather(half.lazy(), [statistic]).states()[statistic] for half in (frame[:70], frame[70:])]
    merged = statistic.merge(*halves)
    assert [group["by"] for group in merged["groups"]] == [[None], [1], [2]]
    for number, group in enumerate(merged["groups"]):
        close(group["state"], expected(holes()[number::3]))


def test_request_and_state_are_json():
    statistic = Covariance(("a", "b", "draw"), holdout=0.25)
    assert from_json(json.loads(json.dumps(statistic.to_json()))) == statistic
    state = gathered(STATISTIC, holes())
    assert json.loads(json.dumps(state, allow_nan=False)) == state
