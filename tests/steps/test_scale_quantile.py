"""Scale by ranks."""

from __future__ import annotations

import math
import pickle
import sys

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.preprocessing import QuantileTransformer

from genspark.errors import ConfigError, GensparkError
from genspark.pipeline import Pipeline
from genspark.pipeline.planner import make_plan
from genspark.statistics import Moments
from genspark.steps import Scale

INF, NAN = math.inf, math.nan
OUTPUTS = ["uniform", "normal"]


def step(**fields):
    return Scale("x", method="quantile", **fields)


def fitted(values, **fields):
    return Pipeline([step(**fields)]).fit(pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)}))


def after(model, values):
    return model.transform(pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)}))["x"].to_list()


def back(model, values):
    return model.inverse_transform(pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)}))["x"].to_list()


def test_a_value_becomes_the_share_of_values_below_it():
    model = fitted([0.0, 10.0, 20.0, 100.0, None])
    assert after(model, [0.0, 5.0, 10.0, 60.0, 100.0, None, NAN]) == pytest.approx(
        [0.0, 1 / 6, 1 / 3, 5 / 6, 1.0, None, None]
    )


def test_equal_values_share_the_middle_of_their_ranks():
    assert after(fitted([0.0, 1.0, 1.0, 1.0, 2.0]), [1.0]) == [0.5]


def test_the_normal_output_is_the_point_with_that_share_below_it():
    model = fitted([0.0, 1.0, 2.0, 3.0, 4.0], output="normal")
    assert after(model, [0.0, 1.0, 2.0, 4.0]) == pytest.approx([-5.199338, -0.6744898, 0.0, 5.199338])


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("quantiles", [10, 1000])
def test_it_is_scikit_learns_on_the_same_references(output, quantiles):
    random = np.random.default_rng(0)
    values = np.concatenate([random.lognormal(size=2000), np.zeros(500), np.round(random.normal(size=500), 1)])
    model = fitted(values, output=output, quantiles=quantiles, rank_error=0)
    oracle = QuantileTransformer(n_quantiles=quantiles, output_distribution=output, subsample=None)
    expected = oracle.fit_transform(values[:, None])[:, 0]
    got = after(model, values)
    np.testing.assert_allclose(got, expected, atol=1e-8)
    np.testing.assert_allclose(back(model, got), oracle.inverse_transform(expected[:, None])[:, 0], rtol=1e-9)


def test_by_a_sketch_a_share_is_off_by_the_rank_error_at_most():
    values = np.random.default_rng(0).lognormal(size=50_000)
    got = np.array(after(fitted(values, rank_error=0.01), values))
    true = values.argsort().argsort() / (len(values) - 1)
    # A reference lies within the rank error, and a value between two of them.
    assert np.abs(got - true).max() < 0.01 + 0.001


@pytest.mark.parametrize(("output", "low", "high"), [("uniform", 0.0, 1.0), ("normal", -5.199338, 5.199338)])
def test_what_lies_beyond_the_values_seen_goes_to_the_ends(output, low, high):
    model = fitted([1.0, 2.0, 3.0, INF], output=output)
    assert after(model, [-INF, 0.0, 4.0, INF]) == pytest.approx([low, low, high, high])
    assert back(model, [low - 3, low, high, high + 3]) == [1.0, 1.0, 3.0, 3.0]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("rank_error", [0, 0.005])
def test_a_constant_column_goes_to_the_lower_end_and_comes_back(output, rank_error):
    model = fitted([0.1] * 5, output=output, rank_error=rank_error)
    (got,) = set(after(model, [0.1] * 5))
    assert got == pytest.approx({"uniform": 0.0, "normal": -5.199338}[output])
    assert back(model, [got]) == [0.1]


def test_without_a_value_any_value_becomes_null():
    model = fitted([None, None])
    assert after(model, [None, 3.0]) == [None, None]
    assert back(model, [0.5]) == [None]


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_inverse_gives_the_values_back(output):
    values = np.random.default_rng(1).lognormal(size=300)
    model = fitted(values, output=output)
    assert back(model, after(model, values)) == pytest.approx(list(values), rel=1e-9)


def test_backends_give_the_same():
    model = fitted([0.0, 1.0, 5.0], output="normal")
    x = [0.5, None, 3.0]
    expected = after(model, x)
    assert model.transform(pa.table({"x": x}))["x"].to_pylist() == expected
    served = model.transform(pd.DataFrame({"x": x}, index=[7, 8, 9]))["x"]
    assert served.to_list() == [expected[0], pytest.approx(NAN, nan_ok=True), expected[2]]


def test_integers_become_floats_and_the_schema_says_so():
    model = Pipeline([step()]).fit(pl.DataFrame({"x": [1, 2, 3]}))
    assert model.transform(pl.DataFrame({"x": [2]})).schema == {"x": pl.Float64}
    assert make_plan([step()], {"x": nw.Int64()}).output_schema == {"x": nw.Float64()}


def test_the_inverse_passes_over_absent_columns():
    assert fitted([1.0, 2.0]).inverse_transform(pl.DataFrame({"z": [5]})).to_dict(as_series=False) == {"z": [5]}


def test_what_the_inverse_cannot_bring_back_is_said():
    (loss,) = fitted([1.0, 2.0]).losses()
    assert loss.startswith("scale: values of 'x' come back as the references have them")


def test_no_statistic_follows_ranks():
    assert step().learner().rewrite(Moments(("x",))) is None
    assert Scale("x", method="robust").learner().rewrite(Moments(("x",))) is not None


def test_its_kernels_travel_to_workers():
    for name in ("kernels", "inverse_kernels"):
        rest = () if name == "kernels" else (frozenset("x"),)
        (kernel,) = getattr(step(), name)({"references": {"x": [0.0, 1.0]}}, *rest)
        assert pickle.loads(pickle.dumps(kernel)) == kernel


def test_without_scipy_the_remedy_is_told_before_anything_is_read(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(GensparkError, match=r"output 'normal' needs SciPy: pip install 'genspark\[models\]'"):
        make_plan([step(output="normal")], {"x": nw.Float64()})
    make_plan([step()], {"x": nw.Float64()})


def test_one_reference_is_refused():
    with pytest.raises(ConfigError, match="must be at least 2"):
        step(quantiles=1)
