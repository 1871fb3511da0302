"""Fits with differential privacy: noise of the size that epsilon asks for, on values that limits hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from genspark.errors import DataError, SchemaError
from genspark.pipeline import Pipeline, PipelineModel, Private
from genspark.statistics import Extremes, Frequencies, Moments
from genspark.statistics.noise import Among, Between, noisy
from genspark.steps import Encode, Impute, Outliers, Reweigh, Scale, Step, Transform

pytest.importorskip("opendp")
NONE = 1e12
"""An epsilon so large that there is no noise to speak of."""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    random = np.random.default_rng(4)
    age = np.clip(random.normal(40, 15, 500), 0, 90)
    age[:3] = [1e9, np.inf, -7.0]
    fare = np.exp(random.normal(3, 1, 500))
    return pa.table(
        {
            "age": pa.array(age, mask=random.random(500) < 0.1),
            "fare": fare,
            "town": random.choice(["a", "b", "c", "secret"], 500, p=[0.2, 0.5, 0.2, 0.1]),
        }
    )


STEPS: list[Step] = [
    Impute("age"),
    Outliers("age", threshold=3, action="clip"),
    Transform("fare", function="log1p"),
    Scale("age"),
    Scale("fare", method="minmax"),
    Encode("town", method="onehot"),
]
LIMITS: dict[str, Any] = {"bounds": {"age": (0, 90), "fare": (0, 600)}, "values": {"town": ("b", "a", "c", "never")}}


@pytest.mark.connect("backend_of_fit")
@pytest.mark.on_spark
def test_without_noise_it_is_the_fit_of_values_within_their_limits(fitted: Any, table: pa.Table) -> None:
    # By NumPy: clamped to the bounds first; infinity too.
    age = np.clip(table["age"].to_numpy(), 0, 90)
    mean = np.nanmean(age)
    filled = np.nan_to_num(age, nan=mean)
    low, high = mean - 3 * filled.std(), mean + 3 * filled.std()
    held = np.clip(filled, low, high)
    impute, outliers, _, standard, minmax, encode = fitted(table, *STEPS, private=Private(NONE, **LIMITS)).parameters
    assert impute["values"]["age"] == pytest.approx(mean, rel=1e-6)
    assert outliers["bounds"]["age"] == pytest.approx([low, high], rel=1e-6)
    assert standard["maps"]["age"] == pytest.approx([held.mean(), held.std(), 0], rel=1e-6)
    # The range is that of the bounds, not of the rows: log1p(600). "secret" was not to be expected.
    assert minmax["maps"]["fare"] == pytest.approx([0, np.log1p(600), 0], rel=1e-6)
    assert sorted(encode["vocabularies"]["town"]) == ["a", "b", "c"]


def test_noise_is_laplaces_by_what_a_row_can_change() -> None:
    # Sum and sum of squares around 50: a row changes them by 50 and 2500, and each has a third of epsilon.
    ages = np.linspace(20, 60, 1000)
    state = {**Moments(("age",)).empty(), "count": 1000, "missing": 10}
    state |= {"mean": ages.mean(), "m2": float(((ages - ages.mean()) ** 2).sum())}
    found = [noisy(Moments(("age",)), state, Between(0, 100), 3.0) for _ in range(150)]
    sums = np.array([one["count"] * (one["mean"] - 50) for one in found]) + 10_000
    assert np.abs(sums).mean() == pytest.approx(50, rel=0.6)
    squares = np.array([one["m2"] + one["count"] * (one["mean"] - 50) ** 2 for one in found])
    exact = state["m2"] + 1000 * 10**2
    assert np.abs(squares - exact).mean() == pytest.approx(2500, rel=0.6)
    # Laplace's noise on whole numbers by epsilon 1: the mean distance is 2 a / (1 - a^2), a = 1/e.
    assert np.abs(np.array([one["count"] for one in found]) - 1000).mean() == pytest.approx(0.851, rel=0.6)
    told = noisy(
        Frequencies(("town",)), {"total": 5, "missing": 0, "values": [["a", 5]], "error": 0}, Among(("b",)), 50.0
    )
    assert told == {"total": 0, "missing": 0, "values": [["b", 0]], "error": 0}
    assert noisy(Extremes(("age",)), {}, Between(0, 100), 1.0)["max"] == 100


def test_a_model_says_its_epsilon_and_keeps_no_exact_state(table: pa.Table) -> None:
    frame, private = pl.DataFrame(pl.from_arrow(table)), Private(1.0, **LIMITS)
    pipeline = Pipeline(STEPS, private=private)
    assert "epsilon 1, 0.333 for each of 3 statistics" in pipeline.explain(frame)
    model = PipelineModel.from_json(pipeline.fit(frame).to_json())
    exact = replace(pipeline, private=Private(NONE, **LIMITS)).fit(frame)
    assert model.privacy is not None
    assert (model.privacy["epsilon"], model.privacy["statistics"]) == (1.0, 3)
    assert [state for *_, state in model.states] != [state for *_, state in exact.states]
    assert "secret" not in str(model.to_json())


def test_what_no_noise_is_known_for_and_what_has_no_limit_is_refused_before_work(table: pa.Table) -> None:
    steps = [Impute("age", strategy="median"), Scale("fare"), Encode("town"), Outliers("age", by="town")]
    with pytest.raises(SchemaError) as caught:
        Pipeline(steps, private=Private(1.0, {"gae": (0, 1)}, {})).plan(table)
    problems = "\n".join(caught.value.problems)
    for what in (
        "privacy.bounds: 'gae' is not a column; did you mean 'age'",
        "privacy: impute learns quantiles of age, which no noise is known for",
        "privacy.bounds: scale learns moments of 'fare'; say between what its values lie",
        "privacy.values: encode counts the values of 'town'; say which there may be",
        "privacy: outliers learns moments of age by town",
    ):
        assert what in problems
    logs = Pipeline([Transform("fare", function="log"), Scale("fare")], private=Private(1.0, {"fare": (-5, 600)}))
    with pytest.raises(DataError, match="privacy.bounds: fare between -5 and 600 is .* after transform, which bounds"):
        logs.fit(table)
    weights = Pipeline([Reweigh("town", "label")], private=Private(1.0, {}, {}))
    # By what the step is called, not by its field of that name.
    with pytest.raises(SchemaError, match="privacy: reweigh learns frequencies of label by town"):
        weights.plan(table.append_column("label", [[0, 1] * 250]))
