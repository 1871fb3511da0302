"""The E step of expectation-maximization, against the textbook's formulas a row at a time."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import multivariate_normal

from genspark.engines.polars.gather.batch import Batch
from genspark.engines.polars.gather.collectors import collectors
from genspark.errors import DataError, PlanError
from genspark.statistics import Expectation, State, from_json
from genspark.statistics.expectation import Model, Normal

INF, NAN = math.inf, math.nan
COLUMNS = ("a", "b", "c", "d")
CENTER, SCALE, MEAN = np.array([1.0, -2.0, 0.0, 5.0]), np.array([2.0, 0.5, 1.0, 3.0]), np.array([0.1, 0.0, -0.2, 0.3])
ROOT = np.random.default_rng(0).standard_normal((4, 4))
SIGMA = ROOT @ ROOT.T + 0.1 * np.eye(4)


def model_of(center: np.ndarray, mean: np.ndarray = MEAN, sigma: np.ndarray = SIGMA) -> Model:
    rows = tuple(tuple(row) for row in np.linalg.inv(sigma).tolist())
    return tuple(center.tolist()), tuple(SCALE.tolist()), tuple(mean.tolist()), rows


MODEL = model_of(CENTER)
STATISTIC = Expectation(COLUMNS, model=MODEL)


def holes(rows: int = 120, offset: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(1)
    values = random.multivariate_normal(MEAN, SIGMA, rows) * SCALE + CENTER + offset
    values[random.random(values.shape) < 0.3] = NAN
    values[random.random(values.shape) < 0.03] = INF
    values[5] = NAN
    return values


def gathered(statistic: Expectation, values: np.ndarray, cuts: tuple[int, ...] = ()) -> State:
    (collector,) = collectors([statistic])
    for part in np.split(values, cuts):
        collector.add(Batch(pl.DataFrame(part, schema=list(statistic.columns)).fill_nan(None)))
    return collector.parts()[statistic]


def expected(values: np.ndarray, center: np.ndarray = CENTER) -> State:
    """Each row completed by itself: mean + S_mo S_oo^-1 (x_o - mean), with covariance S_mm - S_mo S_oo^-1 S_om."""
    completed, uncertainty = [], np.zeros((4, 4))
    for x in values:
        z = (x - center) / SCALE
        o = np.isfinite(z)
        if not o.any():
            continue
        m = ~o
        gain = SIGMA[np.ix_(m, o)] @ np.linalg.inv(SIGMA[np.ix_(o, o)])
        z[m] = MEAN[m] + gain @ (z[o] - MEAN[o])
        uncertainty[np.ix_(m, m)] += SIGMA[np.ix_(m, m)] - gain @ SIGMA[np.ix_(o, m)]
        completed.append(z)
    z = np.array(completed)
    nothing = {"cells": [0] * 4, "error": [0.0] * 4, "error_of_mean": [0.0] * 4}
    comoment = (z - z.mean(axis=0)).T @ (z - z.mean(axis=0)) + uncertainty
    return {"rows": len(z), "mean": z.mean(axis=0).tolist(), "comoment": comoment.tolist(), **nothing}


def close(state: State, other: State, tolerance: float = 1e-10) -> None:
    assert list(state) == list(other)
    for name, value in other.items():
        np.testing.assert_allclose(state[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("cuts", [(), (1,), (5, 6, 6, 80), tuple(range(0, 120, 11))], ids=str)
def test_every_row_is_completed_as_the_normal_distribution_tells(cuts):
    close(gathered(STATISTIC, holes(), cuts), expected(holes()))


@pytest.mark.parametrize("d", [64, 65, 130])
def test_many_columns_are_solved_as_few_are(d):
    random = np.random.default_rng(4)
    root = random.standard_normal((d, d))
    sigma = root @ root.T + np.eye(d)
    values = random.multivariate_normal(np.zeros(d), sigma, 8)
    values[random.random(values.shape) < 0.2] = NAN
    values[3] = np.where(np.isnan(values[2]), NAN, 1.0)
    normal = Normal(np.zeros(d), np.ones(d), np.zeros(d), np.linalg.inv(sigma))
    found = normal.filled(values)
    for x, row in zip(values, found, strict=True):
        o, m = np.flatnonzero(~np.isnan(x)), np.flatnonzero(np.isnan(x))
        np.testing.assert_allclose(row[m], sigma[np.ix_(m, o)] @ np.linalg.solve(sigma[np.ix_(o, o)], x[o]), rtol=1e-6)


def test_an_offset_costs_no_digits_of_what_is_near_it():
    center = CENTER + 1e8
    close(
        gathered(Expectation(COLUMNS, model=model_of(center)), holes(offset=1e8)), expected(holes(offset=1e8), center)
    )


def test_the_state_of_a_union_is_the_states_merged_in_any_order():
    values = holes()
    values[30:40] = NAN
    parts = [gathered(STATISTIC, part) for part in np.split(values, [30, 40, 41])]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [1, 2, 3, 0]):
        state = STATISTIC.empty()
        for number in order:
            state = STATISTIC.merge(state, parts[number])
        close(state, expected(values))


def test_merging_the_empty_state_changes_nothing():
    state = gathered(STATISTIC, holes())
    assert STATISTIC.merge(state, STATISTIC.empty()) == state == STATISTIC.merge(STATISTIC.empty(), state)


@pytest.mark.parametrize("rows", [0, 3])
def test_rows_without_a_value_tell_nothing(rows):
    assert gathered(STATISTIC, np.full((rows, 4), NAN)) == STATISTIC.empty()


def test_maximizing_what_is_expected_never_lowers_the_likelihood():
    values = holes()
    values[np.isinf(values)] = NAN
    z = (values - CENTER) / SCALE

    def likelihood(mean: np.ndarray, sigma: np.ndarray) -> float:
        there = [np.flatnonzero(~np.isnan(row)) for row in z]
        densities = (
            multivariate_normal(mean[o], sigma[np.ix_(o, o)]).logpdf(r[o])
            for r, o in zip(z, there, strict=True)
            if len(o)
        )
        return float(sum(densities))

    mean, sigma = np.zeros(4), np.eye(4)
    likelihoods = [likelihood(mean, sigma)]
    for _ in range(6):
        state = gathered(Expectation(COLUMNS, model=model_of(CENTER, mean, sigma)), values)
        mean, sigma = np.array(state["mean"]), np.array(state["comoment"]) / state["rows"]
        likelihoods.append(likelihood(mean, sigma))
    assert (np.diff(likelihoods) > 0).all()


def test_a_hold_out_is_predicted_from_the_rest_of_its_row():
    statistic = Expectation((*COLUMNS, "draw"), model=MODEL, holdout=0.1)
    # b of the first row and c of the last are hidden; a of the second is, but was missing.
    values = np.array([[3.0, -1.0, 1.0, NAN, 0.15], [NAN, -2.0, 0.0, 5.0, 0.05], [1.0, -2.0, 2.0, 5.0, 0.29]])
    hidden = values[:, :4].copy()
    hidden[0, 1] = hidden[2, 2] = NAN
    state = gathered(statistic, values)
    predicted = (Normal.of(MODEL).filled(hidden) - CENTER) / SCALE
    close(
        state,
        {
            **expected(hidden),
            "cells": [0, 1, 1, 0],
            "error": [0.0, (predicted[0, 1] - 2.0) ** 2, (predicted[2, 2] - 2.0) ** 2, 0.0],
            "error_of_mean": [0.0, 4.0, 4.0, 0.0],
        },
    )
    assert STATISTIC.merge(state, state)["cells"] == [0, 2, 2, 0]


def test_only_what_is_missing_is_filled():
    values = np.array([[1.0, NAN, 2.0, 4.0], [1.0, 2.0, 3.0, 4.0], [NAN, INF, NAN, 1.0]])
    found = Normal.of(MODEL).filled(values)
    np.testing.assert_array_equal(found[~np.isnan(values)], values[~np.isnan(values)])
    assert np.isfinite(found[np.isnan(values)]).all()
    # An infinite value is no ground to predict from.
    without = Normal.of(MODEL).filled(np.array([[NAN, NAN, NAN, 1.0]]))
    np.testing.assert_array_equal(found[2, [0, 2]], without[0, [0, 2]])


def test_a_row_of_nothing_is_filled_with_the_means():
    found = Normal.of(MODEL).filled(np.full((1, 4), NAN))
    np.testing.assert_allclose(found[0], CENTER + MEAN * SCALE, rtol=1e-15)


def test_an_expectation_too_large_for_a_double_is_the_mean():
    found = Normal.of(MODEL).filled(np.array([[1.7e308, NAN, -1.7e308, 1.7e308]]))
    assert found[0, 1] == CENTER[1] + MEAN[1] * SCALE[1]


def test_a_column_of_which_nothing_is_known_is_not_predicted():
    center, scale, mean, precision = model_of(CENTER, sigma=np.diag([1.0, 2.0, 1.0, 1.0]))
    normal = Normal.of(((None, *center[1:]), scale, mean, precision))
    found = normal.filled(np.array([[NAN, NAN, 1.0, NAN]]))
    assert np.isnan(found[0, 0])
    np.testing.assert_array_equal(found[0, 1:], [-2.0, 1.0, 5.0 + 0.3 * 3.0])


def test_values_too_large_are_refused_by_the_name_of_their_column():
    with pytest.raises(DataError, match="the moments of 'c' overflow"):
        gathered(STATISTIC, np.array([[1.0, 1.0, 1e300, 1.0], [2.0, 1.0, -1e300, 1.0]]))


def test_request_and_state_are_json():
    statistic = Expectation((*COLUMNS, "draw"), model=MODEL, holdout=0.1)
    again = from_json(json.loads(json.dumps(statistic.to_json())))
    assert again == statistic
    assert len({again, statistic}) == 1
    state = gathered(STATISTIC, holes())
    assert json.loads(json.dumps(state, allow_nan=False)) == state


def test_a_hold_out_that_one_draw_cannot_serve_is_refused():
    with pytest.raises(PlanError, match="holdout: 0.3 of each of 4 columns"):
        Expectation((*COLUMNS, "draw"), model=MODEL, holdout=0.3)
