"""Imputing from the other columns by a model, held against scikit-learn's IterativeImputer."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from genspark.errors import ConfigError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel
from genspark.pipeline.planner import make_plan
from genspark.steps import Impute

INF, NAN = math.inf, math.nan


def table(values: np.ndarray) -> pl.DataFrame:
    columns = {f"c{i}": values[:, i] for i in range(values.shape[1])}
    return pl.DataFrame({"id": np.arange(len(values)), **columns}).fill_nan(None)


def fit(values: np.ndarray, **fields: Any) -> PipelineModel:
    return Pipeline([Impute("c*", strategy="model", **fields)], key=["id"]).fit(table(values))


def filled(model: PipelineModel, values: np.ndarray) -> np.ndarray:
    return model.transform(table(values)).drop("id").to_numpy()


def linear(rows: int = 400) -> np.ndarray:
    """Three columns of which the third is the sum of the others, and a tenth of the values missing."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((2, rows))
    values = np.column_stack([x, 10 * y, x + 10 * y])
    values[random.random(values.shape) < 0.1] = NAN
    return values


@pytest.fixture
def taxis(data) -> np.ndarray:
    frame = pl.read_csv(data / "taxis.csv")
    return frame.select(pl.selectors.numeric().cast(pl.Float64)).to_numpy()


@pytest.fixture
def cancer() -> np.ndarray:
    return load_breast_cancer().data


@pytest.fixture
def diabetes() -> np.ndarray:
    return load_diabetes().data


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", [pytest.param("cancer", marks=pytest.mark.exhaustive), "diabetes", "taxis"])
def test_it_errs_no_more_than_scikit_learn_does(name, request):
    truth = request.getfixturevalue(name)
    is_erased = (np.random.default_rng(0).random(truth.shape) < 0.1) & ~np.isnan(truth)
    values = np.where(is_erased, NAN, truth)

    def error(guess: np.ndarray) -> float:
        return float(np.sqrt((((guess - truth) / np.nanstd(truth, axis=0))[is_erased] ** 2).mean()))

    mine = error(filled(fit(values), values))
    theirs = error(IterativeImputer(random_state=0).fit_transform(values))
    of_mean = error(np.where(np.isnan(values), np.nanmean(values, axis=0), values))
    assert mine <= 1.05 * theirs
    assert mine < 0.75 * of_mean


def test_the_reported_error_is_that_of_values_it_has_not_seen(cancer):
    random = np.random.default_rng(3)
    is_erased = random.random(cancer.shape) < 0.05
    values = np.where(is_erased, NAN, cancer)
    model = fit(values)
    parameters = model.parameters[0]
    deviation = np.nanstd(values, axis=0)
    reported = {name: np.array(list(parameters[name].values())) / deviation for name in ("rmse", "rmse_of_mean")}
    found = (filled(model, values) - cancer) / deviation
    assert np.sqrt((reported["rmse"] ** 2).mean()) == pytest.approx(np.sqrt((found[is_erased] ** 2).mean()), rel=0.25)
    assert np.sqrt((reported["rmse_of_mean"] ** 2).mean()) == pytest.approx(1.0, rel=0.15)
    # One cell of a row at most, and as many of each column.
    assert sum(parameters["cells"].values()) <= len(cancer)
    assert min(parameters["cells"].values()) > 5


def test_what_follows_from_the_others_is_found_and_the_rest_untouched():
    values, truth = linear(), linear()
    truth = truth[~np.isnan(truth).any(axis=1)]
    found = filled(fit(truth, ridge=1e-9, iterations=2, holdout=0), values)
    np.testing.assert_array_equal(found[~np.isnan(values)], values[~np.isnan(values)])
    one = np.isnan(values).sum(axis=1) == 1
    np.testing.assert_allclose(found[one, 2], found[one, 0] + found[one, 1], atol=1e-5)


@pytest.mark.parametrize(("fields", "scans"), [({}, 5), ({"iterations": 1}, 2), ({"iterations": 3, "holdout": 0}, 3)])
def test_an_iteration_is_a_scan_and_the_error_one_more(fields, scans):
    seen: list[int] = []
    steps = [Impute("c*", strategy="model", **fields)]
    Pipeline(steps, key=["id"]).fit(table(linear()), on_scan=lambda number, _: seen.append(number))
    assert seen == list(range(1, scans + 1))


def test_parameters_are_json_and_a_loaded_model_fills_alike(tmp_path):
    values = linear()
    model = fit(values)
    assert json.loads(json.dumps(model.parameters[0], allow_nan=False)) == model.parameters[0]
    path = str(tmp_path / "model.json")
    model.save(path)
    np.testing.assert_array_equal(filled(PipelineModel.load(path), values), filled(model, values))


def test_neither_the_order_of_the_rows_nor_the_kind_of_frame_matters():
    values = linear()
    rows = table(values)
    one = fit(values)
    other = Pipeline(one.steps, key=["id"]).fit(rows.sample(fraction=1.0, shuffle=True, seed=5))
    np.testing.assert_allclose(filled(one, values), filled(other, values), rtol=1e-9)
    assert one.parameters[0]["cells"] == other.parameters[0]["cells"]
    expected = one.transform(rows)
    assert one.transform(rows.lazy()).collect().equals(expected)
    assert pl.from_arrow(one.transform(rows.to_arrow())).equals(expected)
    assert pl.from_pandas(one.transform(rows.to_pandas())).equals(expected)


@pytest.mark.parametrize("unit", [1e-120, 1e120])
def test_units_do_not_matter(unit):
    values = linear()
    np.testing.assert_allclose(filled(fit(values * unit), values * unit) / unit, filled(fit(values), values), rtol=1e-9)


def test_another_seed_hides_other_cells():
    assert fit(linear(), seed=1).parameters[0]["rmse"] != fit(linear()).parameters[0]["rmse"]


def test_a_row_with_nothing_gets_the_means_and_infinities_stay():
    values = linear()
    model = fit(values, holdout=0)
    found = filled(model, np.array([[NAN, NAN, NAN], [INF, NAN, NAN], [NAN, -INF, 3.0]]))
    np.testing.assert_allclose(found[0], np.nanmean(values, axis=0), atol=0.2)
    assert found[1, 0] == INF
    np.testing.assert_array_equal(found[1, 1:], found[0, 1:])
    assert found[2, 1] == -INF
    assert np.isfinite(found[2, 0])


def test_constants_and_columns_without_a_value_do_no_harm():
    values = np.column_stack([linear(), np.full(400, 7.0), np.full(400, NAN), linear()[:, 2]])
    values[::9, 3] = NAN
    model = fit(values)
    found = filled(model, values)
    assert np.isnan(found[:, 4]).all()
    np.testing.assert_array_equal(found[:, 3], 7.0)
    assert np.isfinite(np.delete(found, 4, axis=1)).all()
    parameters = model.parameters[0]
    assert (parameters["cells"]["c4"], parameters["rmse"]["c4"]) == (0, None)
    assert parameters["rmse"]["c3"] == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows_are_filled_as_far_as_they_tell(rows):
    values = np.array([[1.0, 2.0], [3.0, NAN]])[:rows]
    found = filled(fit(values, holdout=0), values)
    assert found.shape == (rows, 2)
    assert np.isfinite(found[:, 0]).all()
    if rows == 2:
        assert found[1, 1] == 2.0


def test_integers_become_floats_and_the_indicator_tells_what_was_filled():
    frame = pl.DataFrame({"n": [1, 2, None, 4], "m": [2, 4, 6, 8], "s": ["a", "b", "c", "d"]})
    steps = [Impute(["n", "m"], strategy="model", holdout=0, indicator=True)]
    out = Pipeline(steps).fit(frame).transform(frame)
    assert out.schema["n"] == out.schema["m"] == pl.Float64
    assert out["n"][2] == pytest.approx(3.0, abs=0.1)
    assert out["n_is_missing"].to_list() == [False, False, True, False]


def test_the_function_of_a_row_is_pickled_and_counted_is_what_was_filled():
    (step,), (parameters,) = (model := fit(linear())).steps, model.parameters
    (kernel,) = step.kernels(parameters)
    assert pickle.loads(pickle.dumps(kernel)).function == kernel.function
    frame = nw.from_native(pl.DataFrame({"c0": [None, 1.0], "c1": [1.0, 2.0], "c2": [None, None]}))
    assert frame.select(*(e.sum().alias(str(i)) for i, e in enumerate(step.counts(parameters)["filled"]))).row(0) == (
        1,
        0,
        2,
    )


def test_what_the_model_needs_is_asked_for_before_anything_runs():
    schema = {"x": nw.Float64(), "s": nw.String()}
    with pytest.raises(SchemaError, match="columns: strategy 'model' fills a column from the others, and 'x' is alone"):
        make_plan([Impute("x", strategy="model")], schema)
    with pytest.raises(SchemaError, match="'s' is String, and this step needs numbers"):
        make_plan([Impute(["x", "s"], strategy="model")], schema)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strategy": "mean", "ridge": 0.1}, "ridge: is for strategy model; strategy is 'mean'"),
        ({"strategy": "nearest", "iterations": 2}, "iterations: is for strategy model; strategy is 'nearest'"),
        ({"strategy": "model", "neighbors": 3}, "neighbors: is for strategy nearest; strategy is 'model'"),
        ({"strategy": "model", "by": "g"}, "by: is for strategy mean or median or mode; strategy is 'model'"),
        ({"strategy": "model", "ridge": 0.0}, "ridge"),
        ({"strategy": "model", "iterations": 0}, "iterations"),
        ({"strategy": "model", "holdout": 1.0}, "holdout"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Impute("x", **fields)
