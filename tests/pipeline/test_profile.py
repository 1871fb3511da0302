"""Drift from the states of models alone, against SciPy's and published values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from genspark.errors import SchemaError
from genspark.pipeline import Pipeline
from genspark.pipeline.drift import Limits, profile_drift, schema_drift
from genspark.pipeline.profile import kept_profile, kept_profile_of_result
from genspark.steps import Filter, Impute, Pii, Rename, Scale, Step

chance = np.random.default_rng(0)
OLD = pl.DataFrame({"x": chance.normal(size=500), "n": list("aaaaabbbcc") * 50, "d": [None] * 500})
NEW = pl.DataFrame({"x": [None] * 100 + chance.normal(0.5, size=400).tolist(), "n": list("aaaabbbbcc") * 50, "d": 1})


def drifts(old: pl.DataFrame, new: pl.DataFrame, *steps: Step) -> dict[str, Any]:
    before, after = (kept_profile(Pipeline(steps, profile=("*",)).fit(rows)) for rows in (old, new))
    return {**profile_drift(before, after, Limits()), "schema": schema_drift(before.columns, after.columns)}


def test_names_are_held_by_their_shares() -> None:
    # p = [.5, .3, .2], q = [.4, .4, .2].
    found = next(one for one in drifts(OLD, NEW)["columns"] if one["column"] == "n")
    assert found["stability"] == pytest.approx(0.0510826, abs=1e-7)
    assert found["jensen_shannon"] == pytest.approx(0.0958432, abs=1e-7)
    assert (found["ks"], found["unknown"], found["judged"]) == (None, 0.0, "like")


def test_numbers_are_held_by_the_tenths_of_the_old_rows() -> None:
    found = next(one for one in drifts(OLD, NEW)["columns"] if one["column"] == "x")
    old, new = OLD["x"].to_numpy(), NEW["x"].drop_nulls().to_numpy()
    edges = [-np.inf, *np.quantile(old, np.arange(1, 10) / 10), np.inf]
    p, q = (np.histogram(values, edges)[0] / len(values) for values in (old, new))
    assert found["jensen_shannon"] == pytest.approx(jensenshannon(p, q, base=2))
    assert found["stability"] == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert found["ks"] == pytest.approx(ks_2samp(old, new).statistic)
    assert (found["missing_before"], found["missing"], found["judged"]) == (0.0, 0.2, "other")


def test_a_sketch_that_holds_a_sample_is_as_sure_as_its_rank_error() -> None:
    old, new = (pl.DataFrame({"x": chance.normal(middle, size=50_000)}) for middle in (0.0, 0.3))
    (found,) = drifts(old, new)["columns"]
    assert found["ks"] == pytest.approx(ks_2samp(old["x"], new["x"]).statistic, abs=0.01)
    (same,) = drifts(old, old.sample(fraction=1.0, shuffle=True, seed=1))["columns"]
    assert same["stability"] < 0.005


def test_a_profile_joins_the_scans_of_the_steps() -> None:
    steps = [Impute("x", "median"), Scale("x")]
    plan = Pipeline(steps, profile=("*",)).plan(OLD)
    assert len(plan.scans) == len(Pipeline(steps).plan(OLD).scans) == 1
    assert len(Pipeline([], profile=("n",)).plan(OLD).scans) == 1
    with pytest.raises(SchemaError, match=r"drift.columns: 'm' is not a column"):
        Pipeline([], profile=("m",)).plan(OLD)


def test_what_steps_made_follows_from_the_states_or_a_reason_is_told() -> None:
    model = Pipeline([Impute("x", "median"), Scale("x")], profile=("x", "n")).fit(NEW)
    out: pl.DataFrame = model.transform(NEW)
    names = {name: str(dtype) for name, dtype in out.schema.items()}
    made = kept_profile_of_result(model, names)
    again = kept_profile(Pipeline([], profile=("*",)).fit(out))
    found = {one["column"]: one for one in profile_drift(made, again, Limits())["columns"]}
    assert {name: (one["stability"], one["ks"]) for name, one in found.items()} == {"x": (0.0, 0.0), "n": (0.0, None)}
    assert made.lacking["d"].startswith("the model keeps no quantiles or counts of it; a section `drift` keeps them")
    filtering = Pipeline([Filter("x > 0")], profile=("*",)).fit(NEW)
    assert "step 1, filter, takes rows out" in kept_profile_of_result(filtering, names).lacking["x"]


def test_a_model_keeps_no_names_of_persons() -> None:
    rows = OLD.with_columns(
        mail=pl.Series([f"a{i % 9}@b.org" for i in range(500)]), who=pl.Series(map(str, range(500)))
    )
    pipeline = Pipeline([Rename({"mail": "address"}), Pii("address", action="mask")], profile=("*",))
    model = pipeline.fit(rows)
    assert sorted(kept_profile(model).states) == ["n", "x"]
    assert "a1@b.org" not in str(model.to_json())
    with pytest.raises(SchemaError, match=r"drift.columns: 'mail' holds what a step takes for personal"):
        replace(pipeline, profile=("mail",)).plan(rows)


def test_a_column_that_cannot_be_held_is_told() -> None:
    told = drifts(OLD, NEW.with_columns(n=pl.Series(range(500))))
    assert told["lacking"] == {"d": "is Unknown, of which no statistic is kept", "n": "was String and is Int64"}
    assert told["schema"]["changed"]["n"] == ["String", "Int64"]
